-- Writes one configuration: checks, increments the revision, stores and announces. Either all of
-- this happens, or nothing.
--
-- KEYS[1] payload: string, or hash when ARGV[7] names a field
-- KEYS[2] head: hash, the record of the last write
-- KEYS[3] prev: string, the payload that this write replaces
-- KEYS[4] acks: stream of acknowledgements
-- KEYS[5] stage: string, a large payload that was sent ahead
-- KEYS[6] channel, only with SPUBLISH, so that Redis checks its slot before the script runs
--
-- ARGV[1] write id          ARGV[2] version       ARGV[3] digest of the payload
-- ARGV[4] fencing token, canonical decimal, or ''
-- ARGV[5] expected revision: 'any', 'absent', or canonical decimal
-- ARGV[6] TTL of the payload in ms, '0' for none
-- ARGV[7] hash field, '' for a plain string
-- ARGV[8] 'staged', or 'inline' with the payload in ARGV[9]
-- ARGV[10] '1': write even if version and content are the same
-- ARGV[11] PUBLISH or SPUBLISH       ARGV[12] channel
-- ARGV[13] notice up to the revision, ARGV[14] notice after it
-- ARGV[15] letters. What the user has to be permitted after the write: c to confirm it, p to read
--          acknowledgements, r to roll it back. f: write even if Redis is full, for a rollback,
--          which restores a payload of about the same size
--
-- Returns { outcome, revision, time in ms, position in acks before the write, receivers, note,
--           revision, write id, version and digest of the head }; all are strings.
-- Outcomes:
--   written     the write took effect now
--   replayed    the same write took effect before (its reply was lost) and is still the last write
--   superseded  the same write took effect before, and another write followed
--   unchanged   the head already names this version and the payload is there; nothing was written
--   reused      the head names this version with other content
--   conflict    the expected revision is not the head's
--   fenced      the head has a greater fencing token
--   wrongtype   a key is of another type; note says which
--   denied      the user may not run commands that the write, or a later step in ARGV[15], needs;
--               note names them
--   unstaged    the payload that was sent ahead does not exist
-- With 'written', note is the error of a refused announcement, or ''.

local data, head, prev, acks, stage = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local wid, version, sum, fence, expected, ttl, field = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local keep = 16 -- writes that the head remembers, for late replays

-- Reports whether the user may run each command of a write to a string, with nothing after it:
-- those with which the list in denied begins. It makes no tables, which cost more than the checks.
local function permitted()
  local may = redis.acl_check_cmd
  return may('TYPE', data) and may('TIME') and may('XREVRANGE', acks, '+', '-')
    and may('HMGET', head, 'rev') and may('HGET', head, 'rev') and may('HINCRBY', head, 'rev', '1') and may('HSET', head, 'rev', '1')
    and may('GET', stage) and may('SET', stage, '') and may('DEL', stage) and may('RENAME', stage, prev)
    and may('PERSIST', data) and may('PEXPIRE', data, '1')
end

-- Returns the names of the commands that may be needed and that this user may not run. Redis does
-- not undo a script that fails halfway, so a refused command would leave half a write behind: all
-- permissions are checked before anything is written. Only the permission to announce is not
-- checked: the announcement comes last and may fail.
local function denied()
  if field == '' and ARGV[15] == '' and permitted() then return end
  local needs = {
    { 'TYPE', data }, { 'TIME' }, { 'XREVRANGE', acks, '+', '-' },
    { 'HMGET', head, 'rev' }, { 'HGET', head, 'rev' }, { 'HINCRBY', head, 'rev', '1' }, { 'HSET', head, 'rev', '1' },
    { 'GET', stage }, { 'SET', stage, '' }, { 'DEL', stage }, { 'RENAME', stage, prev },
    { 'PERSIST', data }, { 'PEXPIRE', data, '1' },
  }
  if field ~= '' then needs[#needs + 1] = { 'HEXISTS', data, field } end
  local later = {
    c = { { 'MULTI' }, { 'EXEC' }, { 'HGETALL', head } },
    p = { { 'XREAD', 'STREAMS', acks, '0-0' }, { 'XRANGE', acks, '-', '+' } },
    r = { { 'PTTL', prev } },
  }
  for letter, more in pairs(later) do
    if string.find(ARGV[15], letter, 1, true) then
      for _, command in ipairs(more) do needs[#needs + 1] = command end
    end
  end
  local missing = {}
  for _, command in ipairs(needs) do
    if not redis.acl_check_cmd(unpack(command)) then missing[#missing + 1] = command[1] end
  end
  if #missing > 0 then
    table.sort(missing)
    return table.concat(missing, ' ')
  end
end

local refused = redis.acl_check_cmd and denied() -- Redis 7.0
if refused then
  return { 'denied', '0', '', '', '0', refused, '', '', '', '' }
end

local function type_of(key)
  local kind = redis.call('TYPE', key)
  return type(kind) == 'table' and kind.ok or kind
end

local function wrong_type(key, want, kind)
  if kind ~= 'none' and kind ~= want then
    return key .. ' is a ' .. kind .. ', not a ' .. want
  end
end

-- Compares canonical decimals by length, then as strings, because numbers would lose digits beyond
-- 2^53.
local function lower(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

-- The two that are read are of the right type if the read succeeds.
local found = redis.pcall('HMGET', head, 'rev', 'wid', 'version', 'sum', 'fence', 'recent', 'at', 'ackpos')
local newest = redis.pcall('XREVRANGE', acks, '+', '-', 'COUNT', 1)
local held = type_of(data)
local staged, sent_ahead, forced = 'none', ARGV[8] == 'staged', string.find(ARGV[15], 'f', 1, true)
if sent_ahead or forced then staged = type_of(stage) end
local note = found.err and wrong_type(head, 'hash', type_of(head))
  or wrong_type(data, field == '' and 'string' or 'hash', held) or wrong_type(prev, 'string', type_of(prev))
  or newest.err and wrong_type(acks, 'stream', type_of(acks)) or wrong_type(stage, 'string', staged)
if note then
  return { 'wrongtype', '0', '', '', '0', note, '', '', '', '' }
end
if found.err then return found end
if newest.err then return newest end

for i = 1, 8 do found[i] = found[i] or '' end
local rev, last_wid, last_version, last_sum = found[1], found[2], found[3], found[4]
local last_fence, recent, at, ackpos = found[5], found[6], found[7], found[8]

local function answer(outcome, rev_of_write)
  if sent_ahead and outcome ~= 'unstaged' then redis.call('DEL', stage) end
  return { outcome, rev_of_write or '0', at, ackpos, '0', '', rev, last_wid, last_version, last_sum }
end

if string.find(recent, wid, 1, true) then -- perhaps only as a part of another id
  for id, r in string.gmatch(recent, '([^ :]+):(%d+)') do
    if id == wid then return answer(id == last_wid and 'replayed' or 'superseded', r) end
  end
end
if last_fence ~= '' and (fence == '' or lower(fence, last_fence)) then return answer('fenced') end

-- Reports whether the key holds the payload to write. The head says that it does, but the key may
-- have been set by other means.
local function as_wanted()
  local want = ARGV[9]
  if sent_ahead then want = redis.call('GET', stage) end
  if field == '' then return redis.call('GET', data) == want end
  return redis.call('HGET', data, field) == want
end

local exists = held ~= 'none'
if exists and field ~= '' then exists = redis.call('HEXISTS', data, field) == 1 end
if expected == 'absent' then
  if rev ~= '' or exists then return answer('conflict') end
elseif expected ~= 'any' and expected ~= rev then
  return answer('conflict')
end

if rev ~= '' and version == last_version then
  if sum ~= last_sum then return answer('reused') end
  if exists and ARGV[10] ~= '1' and as_wanted() then
    if field == '' then
      if ttl == '0' then redis.call('PERSIST', data) else redis.call('PEXPIRE', data, ttl) end
    end
    if fence ~= '' then redis.call('HSET', head, 'fence', fence) end
    return answer('unchanged', rev)
  end
end
if sent_ahead and staged == 'none' then return answer('unstaged') end

-- From here on the write is carried out: first what may fail, because Redis does not undo a script
-- that fails halfway.
ackpos = newest[1] and newest[1][1] or '0-0'
local now = redis.call('TIME')
at = now[1] .. string.format('%03d', math.floor(tonumber(now[2]) / 1000))
-- A full Redis refuses a script at its first write command if that command needs memory. DEL needs
-- none, and after it Redis allows every command.
if forced then redis.call('DEL', stage) end
local n = redis.call('HINCRBY', head, 'rev', 1)
rev = n < 2 ^ 53 and string.format('%.0f', n) or redis.call('HGET', head, 'rev')

if not exists then
  redis.call('DEL', prev)
elseif field == '' then
  redis.call('RENAME', data, prev)
else
  redis.call('SET', prev, redis.call('HGET', data, field))
end
if field ~= '' then
  local payload = ARGV[9]
  if sent_ahead then
    payload = redis.call('GET', stage)
    redis.call('DEL', stage)
  end
  redis.call('HSET', data, field, payload)
elseif sent_ahead then
  redis.call('RENAME', stage, data)
  if ttl == '0' then redis.call('PERSIST', data) else redis.call('PEXPIRE', data, ttl) end
elseif ttl == '0' then
  redis.call('SET', data, ARGV[9])
else
  redis.call('SET', data, ARGV[9], 'PX', ttl)
end

local writes, blank = 0, 0
repeat
  writes, blank = writes + 1, string.find(recent, ' ', blank + 1, true)
until not blank
for _ = keep, writes do
  recent = string.sub(recent, string.find(recent, ' ', 1, true) + 1)
end
recent = recent == '' and wid .. ':' .. rev or recent .. ' ' .. wid .. ':' .. rev
if not exists then last_version, last_sum = '', '' end
redis.call('HSET', head, 'wid', wid, 'version', version, 'sum', sum, 'fence', fence, 'at', at, 'ackpos', ackpos,
  'recent', recent, 'prev_version', last_version, 'prev_sum', last_sum)

local receivers, refusal = 0, ''
local sent = redis.pcall(ARGV[11], KEYS[6] or ARGV[12], ARGV[13] .. rev .. ARGV[14])
if type(sent) == 'table' then refusal = sent.err or 'refused' else receivers = sent end
return { 'written', rev, at, ackpos, string.format('%.0f', receivers), refusal, rev, wid, version, sum }

-- use: begin, save, past
--
-- Commits what busy workers do as a rule: saves, completions of first attempts, and with these the
-- claims of one task each. The script has the same effect as commit.lua, but makes no preparations
-- for other kinds of changes, and looks at all that it needs before it writes.
--
-- KEYS and ARGV as in commit.lua. All changes are of the kinds R and C, each claim comes with a
-- change, wants one task, and may get any. No task has two changes.
--
-- Returns the same as commit.lua, or "=?" if anything is unusual: then nothing was written, and
-- commit.lua has to be called. Unusual is a task that is not as its worker left it, or that is not
-- of the open wave; a plan that is or has to be stopped, undone or completed, or that has tasks in
-- flight without a worker; a pending task that was touched before its turn; and the last task in
-- flight, or of the open wave.

local r = redis.pcall('HMGET', record, 'stage', 'version', 'rules', 'facts', 'past', 'tokens')
if r[1] ~= 'ready' or not r[2] or not r[3] or not r[4] or not r[5] or ARGV[5] ~= '0' or ARGV[6] ~= '0' then
  return '=?'
end

-- The rules and facts that must be 0 here are not captured: docs/redis.md.
local sequential, open, max_slots, max_failed, strict, not_before, not_after, wave_first, wave_last, wave_max_failed, beyond =
  match(r[3], '^%d+ %d 0 %d %d 0 (%d) %d (%d+) (%d+) (%d+) %d+ (%d) %d+ (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) 0 0$')
local pending, running, paused, completed, failed, skipped, canceled, rolled_back, undo_failed, held, dry, next_pending,
  last_event, undo_at, reached, first_event, turns, wave_failed, wave_ended, in_flight, wave_undo_failed = match(r[4],
  '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) 0 (%d+) (%d+) (%d+) 0 (%d) (%d+) (%d+) (%-?%d+) 0 (%d+) (%d+) (%d+) 0 0 '
  .. '(%d+) (%d+) 0 (%d+) (%d+) 0 0 0$')
local low, high = match(r[6] or '', '^(%d+) (%d+)$')
if not open or not pending or running ~= held or not low then
  return '=?'
end
local in_waves = wave_first ~= '0'
wave_first, wave_last, max_slots, reached = wave_first + 0, wave_last + 0, max_slots + 0, reached + 0

-- The fields of checkpoints, by the field of the head and 1. To make one costs a hash of its bytes.
local names = {
  '0c', '1c', '2c', '3c', '4c', '5c', '6c', '7c', '8c', '9c', '10c', '11c', '12c', '13c', '14c', '15c', '16c', '17c', '18c', '19c',
  '20c', '21c', '22c', '23c', '24c', '25c', '26c', '27c', '28c', '29c', '30c', '31c', '32c', '33c', '34c', '35c', '36c', '37c',
  '38c', '39c', '40c', '41c', '42c', '43c', '44c', '45c', '46c', '47c', '48c', '49c', '50c', '51c', '52c', '53c', '54c', '55c',
  '56c', '57c', '58c', '59c', '60c', '61c', '62c', '63c',
}
-- A look at a global variable is one into a table of the server.
local args = ARGV
local changes, claims = args[1] + 0, args[2] + 0
-- What is to be written: the fields and values of all buckets in one table, which grows less often
-- than one for each, and of each bucket its key and where its part begins.
local set, sets, keys, begins, drops = {}, 0, {}, {}, {}
local out, outs, freed, ended, q = { '' }, 1, {}, {}, {}
local i, done, group, ends, turn = 8, 0, 2, 0, turns + 0 -- ends is the number of holds that end
while done < changes do
  local key, first, count = KEYS[group], args[i] * 64 + 1, args[i + 1] + 0
  i, group = i + 2, group + 1
  for w = 1, count do
    q[w] = args[i + w * 4 - 4]
  end
  keys[group - 2], begins[group - 2] = key, sets + 1
  local heads, drop, dropped = redis.pcall('HMGET', key, unpack(q, 1, count)), nil, 2
  for w = 1, count do
    local h, f, before, after = heads[w], args[i], args[i + 1], args[i + 2]
    outs = outs + 1
    if not h then
      return '=?'
    elseif byte(after) == 82 then -- R
      local data = args[i + 3]
      local next = quick_save(h, before, after, data)
      if not next then
        return '=?'
      end
      set[sets + 1], set[sets + 2] = f, next
      sets = sets + 2
      if data ~= '' then
        set[sets + 1], set[sets + 2] = names[f + 1], data
        sets = sets + 2
      end
      out[outs] = 'R0.'
    else
      local kept, started, claim = match(h, '^%d+ %d+ ([0-3]) 2 1 0 (%d+) 0 0 0 0 0 (%S+) ', #before + 1)
      local ordinal = first + f
      if not claim or find(h, before, 1, true) ~= 1 or in_waves and (ordinal < wave_first or ordinal > wave_last) then
        return '=?'
      end
      ends = ends + 1
      ended[ends], freed[ends] = format('%d', ordinal), claim
      local place = '0'
      if sequential == '1' then
        turn = turn + 1
        place = format('%d', turn)
      end
      set[sets + 1] = f
      set[sets + 2] = after .. now .. (kept < '2' and ' 0' or ' 2') .. ' 3 1 0 ' .. started .. ' ' .. now .. ' ' .. place .. ' 0 0 0'
      sets = sets + 2
      if kept == '1' or kept == '3' then
        drop, dropped = drop or { 'HDEL', key }, dropped + 1
        drop[dropped] = names[f + 1]
      end
      out[outs] = 'C0.'
    end
    i = i + 4
  end
  drops[#drops + 1], done = drop, done + count
end

-- The counters after the ends, and the number of pending tasks that may begin: lib/pending.lua.
pending, running, completed, held, next_pending = pending + 0, running - ends, completed + ends, held - ends, next_pending + 0
if in_waves then
  wave_ended, in_flight = wave_ended + ends, in_flight - ends
end
local total = pending + running + paused + completed + failed + skipped + canceled + rolled_back + undo_failed
local last = math.min(open, total)
local window = not_before + 0 <= now + 0 and (not_after == '0' or now + 0 < not_after + 0)

-- length returns the encoded length of a string that follows, as in lib/plan.lua.
local function length(size)
  return size < 255 and char(size) or char(255, floor(size / 16777216), floor(size / 65536) % 256, floor(size / 256) % 256, size % 256)
end

-- admitted returns how many pending tasks may begin now.
local function admitted()
  if not window then
    return 0
  end
  local most, spare = pending - beyond, max_failed - failed
  if wave_last > 0 then
    spare = math.min(spare, wave_max_failed - wave_failed)
  end
  if strict == '1' then
    return math.min(most, spare + 1 - running)
  end
  return spare < 0 and 0 or most
end

local want = math.max(0, math.min(claims, max_slots - held, admitted(), last - next_pending + 1))
local begun, entries, got, fresh = {}, {}, 0, '0'
if claims > 0 and max_slots > held then
  fresh = math.max(now + 0, low + 1)
  if fresh > high + 0 or want > 0 and next_pending < reached then
    return '=?'
  end
  fresh = format('%d', fresh)
end
local head = 'R0 ' .. fresh .. ' 0 0 0 ' .. now .. ' 0 2 1 0 ' .. now .. ' 0 0 0 0 0 '
local worker, held_by = nil, ''
while got < want do
  local b = floor((next_pending - 1) / 64)
  local f, tenants_key, key = next_pending - 1 - b * 64, base .. 'n:' .. format('%d', b), base .. 't:' .. format('%d', b)
  local count = math.min(want - got, 64 - f)
  for k = 1, count do
    q[k] = sub(names[f + k], 1, -2) -- the field of the head
  end
  if keys[#keys] ~= key then
    keys[#keys + 1], begins[#keys + 1] = key, sets + 1
  end
  local heads, tenants = redis.pcall('HMGET', key, unpack(q, 1, count)), redis.pcall('LRANGE', tenants_key, f, f + count - 1)
  for k = 1, count do
    local tenant = tenants[k]
    local mark = heads[k] == false and byte(tenant or '')
    if mark ~= 48 and mark ~= 49 or #tenant > 255 then
      return '=?'
    end
    if args[i + 1] ~= '' and args[i + 1] ~= worker then
      worker = args[i + 1]
      held_by = ' ' .. worker
    end
    local ordinal, id, n = format('%d', next_pending), args[i] .. '/0', got * 2
    local h = head .. id .. held_by
    begun[got + 1] = ordinal
    entries[n + 1], entries[n + 2] = id, ordinal .. held_by
    set[sets + 1], set[sets + 2] = q[k], h
    sets = sets + 2
    local rest = next_pending % 256
    local middle = (next_pending - rest) / 256 % 256
    local high = (next_pending - middle * 256 - rest) / 65536
    if mark == 48 then
      out[outs + 1] = char(255, high, middle, rest, #tenant - 1)
      out[outs + 2] = sub(tenant, 2)
    else -- with labels or parameters: as frame does in lib/task.lua
      local given = redis.pcall('HGET', base .. 'x:' .. format('%d', b), q[k])
      if type(given) ~= 'string' then
        return '=?'
      end
      out[outs + 1] = char(1, high, middle, rest) .. length(#h) .. char(#tenant - 1) .. length(#given) .. '\0\0\0' .. h
      out[outs + 2] = sub(tenant, 2) .. given
    end
    i, got, next_pending, outs = i + 5, got + 1, next_pending + 1, outs + 2
  end
end
if got < claims then
  out[#out + 1] = string.rep('\0', claims - got)
end
pending, running, held = pending - got, running + got, held + got
if in_waves then
  in_flight = in_flight + got
end
local left = in_waves and wave_last - wave_first + 1 - wave_ended or not in_waves and pending + running + paused
if running == 0 or left <= 0 then
  return '=?'
end
local claimable = held < max_slots and admitted() > 0 and next_pending <= last

-- From here on the script writes. The keys must have the types that they are written with.
local held_key, events_key, order_key = base .. 'held', base .. 'events', base .. 'order'
if type(redis.pcall('HLEN', held_key)) == 'table' or type(redis.pcall('XLEN', events_key)) == 'table'
  or sequential == '1' and type(redis.pcall('LLEN', order_key)) == 'table' then
  return '=?'
end
begins[#keys + 1] = sets + 1
for k = 1, #keys do
  redis.call('HSET', keys[k], unpack(set, begins[k], begins[k + 1] - 1))
end
for k = 1, #drops do
  redis.call(unpack(drops[k]))
end
if ends > 0 then
  redis.call('HDEL', held_key, unpack(freed))
  if sequential == '1' then
    redis.call('RPUSH', order_key, unpack(ended))
  end
end
if got > 0 then
  entries[got * 2 + 1], entries[got * 2 + 2] = '', filler
  redis.call('HSET', held_key, unpack(entries))
end

local problem
if ends + got > 0 then
  -- One concatenation: the server hashes every byte of every string that is made.
  local limit, lines = args[3] + 0, {}
  for k = 1, ends do
    lines[k * 2 - 1], lines[k * 2] = ended[k], '\tRUNNING\tCOMPLETED\t1\tsuccess\t\n'
  end
  for k = 1, got do
    lines[(ends + k) * 2 - 1], lines[(ends + k) * 2] = begun[k], '\tPENDING\tRUNNING\t1\tclaim\t\n'
  end
  lines[#lines] = got > 0 and '\tPENDING\tRUNNING\t1\tclaim\t' or '\tRUNNING\tCOMPLETED\t1\tsuccess\t'
  last_event = last_event + ends + got
  local added = redis.pcall('XADD', events_key, format('%d-0', last_event), 'at', now, 'e', concat(lines))
  if type(added) == 'table' and added.err then -- a newer id is in the stream: the changes stand
    problem = '!corrupt ' .. #events_key .. ':' .. events_key .. added.err
  end
  if limit > 0 and last_event > limit then
    first_event = math.max(first_event, last_event - limit + 1)
    redis.call('XTRIM', events_key, 'MINID', '~', format('%d-0', first_event), 'LIMIT', 1000)
  end
end
local facts = format('%d %d %s %d %s %s %s 0 %s %s %d 0 %s %d %d %s 0 %d %d %d 0 0 %s %d 0 %d %s 0 0 0',
  pending, running, paused, completed, failed, skipped, canceled, rolled_back, undo_failed, held, dry, next_pending, last_event,
  undo_at, math.max(reached, next_pending), first_event, turn, wave_failed, wave_ended, in_flight, wave_undo_failed)
if ends > 0 then
  redis.call('HSET', record, 'facts', facts, 'past', remember(r[5], freed))
else
  redis.call('HSET', record, 'facts', facts)
end
if ends + got > 0 and args[7] + 0 >= 2 then
  redis.pcall('PUBLISH', args[4], 'e' .. match(record, '{p:(%d+)}:plan$'))
end
if problem then
  out[#out + 1] = length(#problem) .. problem
end
out[1] = '=' .. (claimable and '1' or '0') .. '00' .. (problem and '1' or '0') .. '0' .. r[2] .. '|' .. r[3] .. '|' .. facts .. '|' .. now
  .. '|' .. fresh .. '|'
return concat(out)

-- use: agenda
--
-- Reads the plans that are due for an engine, those that have waited longest first. At intervals it
-- also returns the next range of plan ids that the caller has to check for lost entries.
--
-- KEYS as in lib/agenda.lua
-- ARGV[1] maximum number of plans
-- ARGV[2] time between two ranges   ARGV[3] the same after a whole round that has found nothing
-- ARGV[4] number of ids in a range   ARGV[5] 1 if something may have been lost, otherwise 0
-- ARGV[6] and following: the executors of the engine
--
-- Returns "=" from SP to SP and per plan: id ";" stamp ";" late ";" kind ";", where late is for how
-- many microseconds it has been due for the engine, and kind is - if the stamp is lost. from and to
-- are the range of ids, 0 and 0 if there is nothing to check now.

-- rewind makes plans that are due later due now, 500 at most. It is called if the clock was set
-- back, or if another server with another clock took over: otherwise the plans would wait until
-- the clock shows the earlier time again. It reports whether no such plan is left.
local function rewind()
  local ahead = redis.call('ZRANGEBYSCORE', agenda, '(' .. text(now), '+inf', 'LIMIT', 0, 500)
  for _, plan in ipairs(ahead) do
    put(plan, now)
  end
  return #ahead < 500
end

-- share returns the next range of ids to check. The ranges go down from the newest id to 1, then
-- start again at the newest id.
local function share(brisk, slow, size, doubt)
  local newest = redis.call('GET', KEYS[3]) or redis.call('ZRANGE', KEYS[4], '-1', '-1')[1]
  newest = tonumber(newest or 0) or 0
  local time, from, quiet = match(redis.call('HGET', stamps, 'sweep') or '', '^(%d+) (%d+) (%d+)$')
  time, from, quiet = tonumber(time or 0), tonumber(from or 0), tonumber(quiet or 0)
  if now + brisk < time and rewind() then
    redis.call('HSET', stamps, 'sweep', text(now) .. ' ' .. from .. ' 0')
  elseif doubt and quiet > 0 then
    redis.call('HSET', stamps, 'sweep', text(time) .. ' ' .. from .. ' 0')
    quiet = 0
  end
  if newest < 1 or now < time + (quiet > newest and slow or brisk) then
    return 0, 0
  end
  if from < 1 or from > newest then
    from = newest
  end
  local to = math.max(1, from - size + 1)
  redis.call('HSET', stamps, 'sweep', text(now) .. ' ' .. to - 1 .. ' ' .. quiet + from - to + 1)
  return to, from
end

local limit = tonumber(ARGV[1])
local from, to = share(tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1')
local plans, since = {}, {}

-- add adds a plan that has been due since a time.
local function add(plan, time)
  if not since[plan] then
    plans[#plans + 1] = plan
  end
  since[plan] = math.min(since[plan] or time, time)
end

local due = redis.call('ZRANGEBYSCORE', agenda, '-inf', text(now), 'WITHSCORES', 'LIMIT', 0, limit)
for i = 1, #due, 2 do
  add(due[i], tonumber(due[i + 1]))
end
for i = 6, #ARGV do
  local key = left_to(ARGV[i])
  local left = redis.pcall('ZRANGEBYSCORE', key, '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
  if left.err then
    return '!corrupt ' .. #key .. ':' .. key .. left.err
  end
  for k = 1, #left, 2 do
    local _, kind, _, executor = entry(left[k])
    if executor ~= ARGV[i] then
      redis.call('ZREM', key, left[k]) -- its entry was lost, and perhaps restored since
    end
    if executor == ARGV[i] or not kind then
      add(left[k], tonumber(left[k + 1]))
    end
  end
end
table.sort(plans, function(a, b)
  if since[a] ~= since[b] then
    return since[a] < since[b]
  end
  return tonumber(a) < tonumber(b)
end)
local out = { '=' .. from .. ' ' .. to .. ' ' }
for i = 1, math.min(#plans, limit) do
  local stamp, kind = entry(plans[i])
  local late = math.max(0, now - since[plans[i]])
  out[#out + 1] = plans[i] .. ';' .. text(stamp) .. ';' .. text(late) .. ';' .. (kind or '-') .. ';'
end
return concat(out)

-- use: agenda
--
-- Reads the plans that are due. At intervals it also returns the next range of plan ids that the
-- caller has to check for lost entries.
--
-- KEYS as in lib/agenda.lua
-- ARGV[1] maximum number of plans
-- ARGV[2] time between two ranges   ARGV[3] number of ids in a range
--
-- Returns "=" from SP to SP and per plan: id ";" stamp ";" late ";" kind ";", where late is for how
-- many microseconds it has been due, and kind is - if the stamp is lost. from and to are the range
-- of ids, 0 and 0 if there is nothing to check now.

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
local function share(gap, size)
  local newest = redis.call('GET', KEYS[3]) or redis.call('ZRANGE', KEYS[4], '-1', '-1')[1]
  newest = tonumber(newest or 0) or 0
  local time, from = match(redis.call('HGET', stamps, 'sweep') or '', '^(%d+) (%d+)$')
  time, from = tonumber(time or 0), tonumber(from or 0)
  if now + gap < time and rewind() then
    redis.call('HSET', stamps, 'sweep', text(now) .. ' ' .. from)
  end
  if newest < 1 or now < time + gap then
    return 0, 0
  end
  if from < 1 or from > newest then
    from = newest
  end
  local to = math.max(1, from - size + 1)
  redis.call('HSET', stamps, 'sweep', text(now) .. ' ' .. to - 1)
  return to, from
end

local from, to = share(tonumber(ARGV[2]), tonumber(ARGV[3]))
local out = { '=' .. from .. ' ' .. to .. ' ' }
local due = redis.call('ZRANGEBYSCORE', agenda, '-inf', text(now), 'WITHSCORES', 'LIMIT', 0, ARGV[1])
for i = 1, #due, 2 do
  local plan, late = due[i], math.max(0, now - tonumber(due[i + 1]))
  local stamp, kind = entry(plan)
  out[#out + 1] = plan .. ';' .. text(stamp) .. ';' .. text(late) .. ';' .. (kind or '-') .. ';'
end
return concat(out)

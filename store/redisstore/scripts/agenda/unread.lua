-- use: agenda, subscription
--
-- Reads and changes which plans are unread for a subscription.
--
-- KEYS as in lib/agenda.lua
-- ARGV[1] what to do   ARGV[2] name
--   list   ARGV[3] maximum number   ARGV[4] time for which they are hidden, 0: all, due or not
--          ARGV[5] longest time for which a plan is hidden
--   mark   ARGV[3] and following: plans that become unread
--   read   ARGV[3] plan   ARGV[4] stamp   ARGV[5] time until it is due again, negative: it is read
--          ARGV[6] time until it is due if it cannot be marked
--
-- Returns "="; after that, for list, per plan: id ";" stamp ";" 1 if it is being created or
-- removed, otherwise 0, ";". Returns "!notfound" if there is no such subscription.

local what, key = ARGV[1], unread_of(ARGV[2])
local cursor, problem = subscription(ARGV[2])
if not cursor then
  return problem
end

if what == 'mark' then
  for i = 3, #ARGV do
    show(ARGV[2], ARGV[i], now)
  end
  return '='
elseif what == 'read' then
  local stamp, kind, hold = entry(ARGV[3])
  local after = tonumber(ARGV[5])
  if kind and (text(stamp) ~= ARGV[4] or after < 0 and hold > now) then
    show(ARGV[2], ARGV[3], now + ARGV[6])
  elseif after < 0 then
    redis.call('ZREM', key, ARGV[3])
  else
    redis.call('ZADD', key, text(now + after), ARGV[3])
  end
  return '='
end

local most, hide = ARGV[3], tonumber(ARGV[4])
local plans = redis.call('ZRANGEBYSCORE', key, '-inf', hide == 0 and '+inf' or text(now), 'LIMIT', 0, most)
if hide > 0 and #plans < tonumber(most) then
  -- No plan is hidden for that long: the clock was set back.
  local ahead = redis.call('ZRANGEBYSCORE', key, '(' .. text(now + ARGV[5]), '+inf', 'LIMIT', 0, tonumber(most) - #plans)
  for _, plan in ipairs(ahead) do
    plans[#plans + 1] = plan
  end
end
local out = { '=' }
for _, plan in ipairs(plans) do
  local stamp, kind = entry(plan)
  out[#out + 1] = plan .. ';' .. text(stamp) .. ';' .. (kind == 'c' and '1' or '0') .. ';'
  if hide > 0 then
    redis.call('ZADD', key, text(now + hide), plan)
  end
end
return concat(out)

-- use: agenda
--
-- Makes a plan due again later, and leaves it to an executor, unless its stamp has changed since
-- due.lua returned it. A plan with a hold is due at the end of the hold at the latest.
--
-- KEYS as in lib/agenda.lua
-- ARGV[1] plan id   ARGV[2] stamp
-- ARGV[3] time until the plan is due, negative: the plan is not due before it is woken
-- ARGV[4] the executor to which it is left, empty: to none
--
-- Returns "=".

local id, after = ARGV[1], tonumber(ARGV[3])
local stamp, kind, hold, before = entry(id)
if not kind or text(stamp) ~= ARGV[2] then
  return '='
end
local problem = leave(id, before, ARGV[4])
if problem then
  return problem
end
if hold > now and (after < 0 or after > hold - now) then
  after = hold - now
  stamp = math.max(stamp + 1, now)
end
if after < 0 then
  set_entry(id, stamp, 'g', hold, ARGV[4])
  redis.call('ZREM', agenda, id)
else
  set_entry(id, stamp, kind == 'g' and 's' or kind, hold, ARGV[4])
  put(id, now + after)
end
return '='

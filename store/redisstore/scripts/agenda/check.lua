-- use: agenda
--
-- Restores plans that have lost their entry in agenda or in stamps, by making them due now, or
-- among those that are left to an executor. If any had, the next ranges are checked sooner.
--
-- KEYS as in lib/agenda.lua
-- ARGV[1] 1 if the caller has restored something of these plans, otherwise 0
-- ARGV[2] and following, per plan: id, and its situation: 1 at rest, c being created or removed,
--   otherwise 0. A plan at rest needs no entry in agenda.
--
-- Returns "=".

local found = ARGV[1] == '1'
for i = 2, #ARGV, 2 do
  local plan, situation = ARGV[i], ARGV[i + 1]
  local stamp, kind, _, executor = entry(plan)
  local lost = not kind or not redis.call('ZSCORE', agenda, plan) and (kind ~= 'g' or situation ~= '1' and executor == '')
  if lost and situation == 'c' then
    set_entry(plan, math.max(stamp + 1, now), 'c', 0, '')
    put(plan, now)
  elseif lost then
    wake(plan, 0)
  end
  if executor ~= '' and situation ~= 'c' and not redis.call('ZSCORE', left_to(executor), plan) then
    leave(plan, '', executor)
    lost = true
  end
  found = found or lost
end
local time, from = match(redis.call('HGET', stamps, 'sweep') or '', '^(%d+) (%d+) ')
if found and time then
  redis.call('HSET', stamps, 'sweep', time .. ' ' .. from .. ' 0')
end
return '='

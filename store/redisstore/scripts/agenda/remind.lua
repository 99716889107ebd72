-- use: agenda
--
-- Makes each plan due at the latest after a given time. Plans without an entry, and plans that are
-- being created or removed, stay as they are.
--
-- KEYS as in lib/agenda.lua
-- ARGV per plan: id, time until the plan is due
--
-- Returns "=".

for i = 1, #ARGV, 2 do
  local stamp, kind, hold, executor = entry(ARGV[i])
  local due, latest = redis.call('ZSCORE', agenda, ARGV[i]), now + ARGV[i + 1]
  if kind and kind ~= 'c' then
    -- The new stamp voids what a process decides that reconciles the plan now: if that process is
    -- frozen, it may not reschedule the plan before the reminder is over.
    set_entry(ARGV[i], math.max(stamp + 1, now), 's', math.max(hold, latest), executor)
    if not due or tonumber(due) > latest then
      put(ARGV[i], latest)
    end
  end
end
return '='

-- use: begin, plan, head, task, unheld
--
-- Reads one task, or tasks in flight that no worker holds.
--
-- KEYS[1] the plan's record
-- ARGV[1] the ordinal of the one task; 0: read tasks in flight
-- ARGV[2] ordinal after which to start   ARGV[3] maximum number of tasks
-- ARGV[4] states of the tasks in flight: R for running, B for rolling back, or both
-- ARGV[5] last ordinal of the tasks in flight to read
--
-- Returns the same as tasks.lua, except for next: next is 1 if the index lacks tasks and has to be
-- rebuilt first, otherwise 0.

local problem = load()
if problem then
  return problem
end
local ordinals = {}
if ARGV[1] ~= '0' then
  if tonumber(ARGV[1]) > plan.total then
    return '!notfound'
  end
  ordinals[1] = tonumber(ARGV[1])
elseif unheld() > 0 then
  problem = wrong_type(base .. 'loose', 'zset') or plan.waiting > 0 and wrong_type(base .. 'later', 'zset')
  if problem then
    return problem
  end
  if unheld_short() then
    return '=1|0|'
  end
  for band = 0, 6 do
    if find(ARGV[4], (band == 1 or band == 3) and 'B' or 'R', 1, true) then
      local low = 2000000 * band
      local members = redis.call('ZRANGEBYSCORE', base .. 'loose', int(low + ARGV[2] + 1), int(low + ARGV[5]), 'LIMIT', 0, ARGV[3])
      for _, member in ipairs(members) do
        ordinals[#ordinals + 1] = tonumber(member)
      end
    end
  end
  table.sort(ordinals)
end

local out = {}
for i = 1, math.min(#ordinals, tonumber(ARGV[3])) do
  local ordinal = ordinals[i]
  local b, f = at(ordinal)
  local got = redis.pcall('HMGET', bucket(b), field_names[f + 1])
  if got.err then
    return corrupt(bucket(b), got.err)
  end
  problem = frame_tasks(b, { described(ordinal, got[1], false, false) }, out)
  if problem then
    return problem
  end
end
return '=0|' .. (plan.stop_running == 2 and 1 or 0) .. '|' .. concat(out)

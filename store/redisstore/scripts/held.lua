-- use: begin, plan, head, task
--
-- Reads a part of the index of held tasks.
--
-- KEYS[1] the plan's record
-- ARGV[1] cursor of the scan   ARGV[2] the worker, empty: all
-- ARGV[3] approximate number of entries to read
--
-- Returns "=" cursor "|" complete "|" number "|", then that number of stale claims, sized, and per
-- held task: ordinal ";" token ";" stop ";" worker, sized. cursor is 0 at the end. A stale claim is
-- in the index but holds no task; prune.lua removes it. complete is 0 if the index lacks tasks:
-- then nothing was read, and the index has to be rebuilt first.

local problem = load() or wrong_type(base .. 'held', 'hash')
if problem then
  return problem
end
local key = base .. 'held'
if redis.call('HLEN', key) - redis.call('HEXISTS', key, '') < plan.held then
  return '=0|0|0|'
end
local page = redis.call('HSCAN', key, ARGV[1], 'COUNT', ARGV[3])
local out, stale = {}, {}
for i = 1, #page[2], 2 do
  local claim = page[2][i]
  local ordinal, worker = match(page[2][i + 1], '^(%d+) (.*)$')
  if ordinal and (ARGV[2] == '' or worker == ARGV[2]) then
    local b, f = at(tonumber(ordinal))
    local got = redis.pcall('HMGET', bucket(b), f)
    if got.err then
      return corrupt(bucket(b), got.err)
    end
    if not got[1] then
      return missing_head(ordinal)
    end
    local t = parse_head(got[1])
    if t and t.claim == claim and (t.state == 'R' or t.state == 'B') then
      local stop = t.state == 'R' and stop_running_task(t.request, tonumber(ordinal)) or plan.stop_undo
      out[#out + 1] = ordinal .. ';' .. t.token .. ';' .. stop .. ';' .. sized(worker)
    else
      stale[#stale + 1] = sized(claim)
    end
  elseif not ordinal and claim ~= '' then
    stale[#stale + 1] = sized(claim)
  end
end
return '=' .. page[1] .. '|1|' .. #stale .. '|' .. concat(stale) .. concat(out)

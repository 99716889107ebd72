-- use: begin, plan, wave, event, history
--
-- Reads events of the plan itself.
--
-- KEYS[1] the plan's record
-- ARGV[1] sequence number after which to start   ARGV[2] maximum number of entries
--
-- Returns "=" last "|" and per entry: id ";" at ";" rest ";" line, sized. last is the newest event
-- in the log, which may be a task event.

local problem = load() or wrong_type(base .. 'history', 'stream')
if problem then
  return problem
end
local count, why = history_length()
if not count then
  return why
elseif redis.call('XLEN', base .. 'history') ~= count then
  return corrupt(base .. 'history', 'it has ' .. redis.call('XLEN', base .. 'history') .. ' entries, not ' .. count)
end
local out = {}
if tonumber(ARGV[1]) < plan.last_event then
  for _, entry in ipairs(redis.call('XRANGE', base .. 'history', ARGV[1] + 1 .. '-0', '+', 'COUNT', ARGV[2])) do
    local f = entry[2]
    out[#out + 1] = match(entry[1], '^%d+') .. ';' .. f[2] .. ';' .. (f[6] or '0') .. ';' .. sized(f[4] or '')
  end
end
return '=' .. plan.last_event .. '|' .. concat(out)

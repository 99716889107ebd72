-- Reads an incarnation's lease.
--
-- KEYS[1] the lease
--
-- Returns "=" and, if there is a lease, the time in microseconds ";" what is left of its life in
-- milliseconds ";" its value, see lease.lua.

local value = redis.pcall('GET', KEYS[1])
if not value then
  return '='
elseif type(value) == 'table' then
  return '!corrupt ' .. #KEYS[1] .. ':' .. KEYS[1] .. value.err
end
local clock = redis.call('TIME')
return '=' .. clock[1] .. format('%06d', tonumber(clock[2])) .. ';' .. redis.call('PTTL', KEYS[1]) .. ';' .. value

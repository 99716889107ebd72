-- Sets each of the keys that does not exist.
--
-- KEYS the keys
-- ARGV their values
--
-- Returns "=" and per key its previous value, sized; empty if it was free. A value that is no lock
-- is cut to at most 254 bytes; an empty one is returned as a space.

local had = redis.call('MGET', unpack(KEYS))
local free, mine, out = {}, {}, {}
for i, key in ipairs(KEYS) do
  local other = had[i] or mine[key]
  if not other then
    mine[key] = ARGV[i]
    free[#free + 1] = key
    free[#free + 1] = ARGV[i]
    out[i] = '\0'
  else
    other = other == '' and ' ' or sub(other, 1, 254)
    out[i] = char(#other) .. other
  end
end
-- MGET does not see keys that are not strings, but MSETNX does.
if #free > 0 and redis.call('MSETNX', unpack(free)) == 0 then
  for i = 1, #free, 2 do
    local set = redis.pcall('SET', free[i], free[i + 1], 'NX', 'GET')
    if type(set) == 'table' and set.err then
      return '!corrupt ' .. #free[i] .. ':' .. free[i] .. set.err
    end
  end
end
return '=' .. concat(out)

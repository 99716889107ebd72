-- Sets those of the keys that are not there.
--
-- KEYS the keys
-- ARGV their values
--
-- Returns "=" and per key what was there before, sized; empty if it was free. Of what is
-- no lock, it is only said that it is none: at most 254 bytes, and a space if it is empty.

local had = redis.call('MGET', unpack(KEYS))
local free, mine, out = {}, {}, {}
for i, key in ipairs(KEYS) do
  local other = had[i] or mine[key]
  if not other then
    mine[key] = ARGV[i]
    free[#free + 1] = key
    free[#free + 1] = ARGV[i]
    other = ''
  elseif other == '' then
    other = ' '
  end
  other = sub(other, 1, 254)
  out[i] = char(#other) .. other
end
-- MGET does not see keys of another type, and MSETNX does.
if #free > 0 and redis.call('MSETNX', unpack(free)) == 0 then
  for i = 1, #free, 2 do
    local set = redis.pcall('SET', free[i], free[i + 1], 'NX', 'GET')
    if type(set) == 'table' and set.err then
      return '!corrupt ' .. #free[i] .. ':' .. free[i] .. set.err
    end
  end
end
return '=' .. concat(out)

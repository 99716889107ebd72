-- Frees places in a quota, each only if it has exactly the expected value.
--
-- KEYS[1] as in occupy.lua
-- ARGV per place: plan SP ordinal
--                 the value
--
-- Returns "=".

for i = 1, #ARGV, 2 do
  local had = redis.pcall('HGET', KEYS[1], ARGV[i])
  if type(had) == 'table' then
    return '!corrupt ' .. #KEYS[1] .. ':' .. KEYS[1] .. had.err
  end
  if had == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
return '='

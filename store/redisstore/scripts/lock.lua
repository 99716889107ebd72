-- Changes keys, each only if it has exactly the expected value.
--
-- KEYS the keys, none of them twice
-- ARGV per key: the value expected; if it begins with "plan ", any value of that plan
--               the new value, empty: delete the key
--
-- Returns "=" and a digit per key, 1 if it had the expected value, otherwise 0. A key that is not a
-- string is left unchanged; the script reports such a key after it has changed the others.

local had, done, drop, problem = redis.call('MGET', unpack(KEYS)), {}, {}, nil
for i, key in ipairs(KEYS) do
  local expected, value, got = ARGV[2 * i - 1], ARGV[2 * i], had[i]
  local plan = byte(expected) == 112 and match(expected, '^plan (%d+)$') -- p
  if not got then -- to MGET, a key that is no string is one that does not exist
    local other = redis.pcall('GET', key)
    if type(other) == 'table' then
      problem = problem or '!corrupt ' .. #key .. ':' .. key .. other.err
    end
  end
  done[i] = '0'
  if got and (got == expected or plan and match(got, '^%d+') == plan) then
    done[i] = '1'
    if value == '' then
      drop[#drop + 1] = key
    else
      redis.call('SET', key, value)
    end
  end
end
if #drop > 0 then
  redis.call('DEL', unpack(drop))
end
return problem or '=' .. concat(done)

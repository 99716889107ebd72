-- Changes keys, each only if it has exactly the expected value.
--
-- KEYS the keys
-- ARGV per key: the value expected; if it begins with "plan ", any value of that plan
--               the new value, empty: delete the key
--
-- Returns "=" and a digit per key, 1 if it had the expected value, otherwise 0. A key that is not a
-- string is left unchanged; the script reports such a key after it has changed the others.

local done, problem = {}, nil
for i, key in ipairs(KEYS) do
  local expected, value = ARGV[2 * i - 1], ARGV[2 * i]
  local plan = match(expected, '^plan (%d+)$')
  local got = redis.pcall('GET', key)
  done[i] = '0'
  if type(got) == 'table' then
    problem = problem or '!corrupt ' .. #key .. ':' .. key .. got.err
  elseif got and (got == expected or plan and match(got, '^%d+') == plan) then
    done[i] = '1'
    if value == '' then
      redis.call('DEL', key)
    else
      redis.call('SET', key, value)
    end
  end
end
return problem or '=' .. concat(done)

-- Changes a key only if it has exactly the value that is expected.
--
-- KEYS[1] the key
-- ARGV[1] the value expected; if it begins with "plan ", any value of that plan
-- ARGV[2] the new value, empty: delete the key
--
-- Returns "=1" if it was so, otherwise "=0".

local key = KEYS[1]
local got = redis.pcall('GET', key)
if type(got) == 'table' then
	return '!corrupt ' .. #key .. ':' .. key .. got.err
end
local plan = string.match(ARGV[1], '^plan (%d+)$')
if not got or got ~= ARGV[1] and not (plan and string.match(got, '^%d+') == plan) then
	return '=0'
end
if ARGV[2] == '' then
	redis.call('DEL', key)
else
	redis.call('SET', key, ARGV[2])
end
return '=1'

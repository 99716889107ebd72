-- Replaces all rows of a table that has the expected revision by those that were sent ahead.
-- KEYS: head, rows, log, the rows sent ahead, another name for them
-- ARGV: expected revision and id, new revision and id, number of rows
-- Returns {'saved'}, {'conflict', revision}, {'other'} if the revision has another id, or
-- {'damaged', what}.
local sent = redis.call('HLEN', KEYS[4])
if sent ~= tonumber(ARGV[5]) then return {'incomplete', tostring(sent)} end

-- A script that is refused a command goes no further, and is not undone: so each command is tried
-- before it matters.
redis.call('HSET', KEYS[1], 'rows', have)
redis.call('DEL', KEYS[5])
if sent > 0 then
	redis.call('PERSIST', KEYS[4])
	redis.call('RENAME', KEYS[4], KEYS[5])
end
redis.call('XADD', KEYS[3], 'MAXLEN', 256, ARGV[3] .. '-0', 'prev', ARGV[2], 'id', ARGV[4], 'rows', '')
redis.call('DEL', KEYS[2])
if sent > 0 then redis.call('RENAME', KEYS[5], KEYS[2]) end
redis.call('HSET', KEYS[1], 'rev', ARGV[3], 'id', ARGV[4], 'rows', ARGV[5])
return {'saved'}

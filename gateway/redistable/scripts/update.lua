-- Changes rows of a table that has the expected revision.
-- KEYS: head, rows, log
-- ARGV: expected revision and id, new revision and id, number of all rows afterwards,
--       1 if the log gets the rows, tenant, row, tenant, row, ...
-- Returns {'saved'}, {'conflict', revision}, {'other'} if the revision has another id, or
-- {'damaged', what}.

-- A script that is refused a command goes no further, and is not undone: so each command is tried
-- before it matters.
redis.call('HSET', KEYS[1], 'rows', have)
local text = ''
if ARGV[6] == '1' then text = ARGV[7] and cjson.encode({unpack(ARGV, 7)}) or '[]' end
redis.call('XADD', KEYS[3], 'MAXLEN', 256, ARGV[3] .. '-0', 'prev', ARGV[2], 'id', ARGV[4], 'rows', text)
for i = 7, #ARGV, 1000 do
	redis.call('HSET', KEYS[2], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('HSET', KEYS[1], 'rev', ARGV[3], 'id', ARGV[4], 'rows', ARGV[5])
return {'saved'}

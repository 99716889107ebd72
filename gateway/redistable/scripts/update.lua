-- Changes rows of a table that has the expected revision.
-- KEYS: head, rows, log
-- ARGV: expected revision and id, new revision and id, number of all rows afterwards,
--       1 if the log gets the rows, tenant, row, tenant, row, ...
-- Returns {'saved'}, {'conflict', revision}, {'other'} if the revision has another id, or
-- {'damaged', what}.
local head = redis.call('HMGET', KEYS[1], 'rev', 'id', 'rows')
local rev = head[1] or '0'
if head[2] == ARGV[4] then return {'saved'} end -- once before; the answer was lost
local have = redis.call('HLEN', KEYS[2])
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
local logged = newest[1] and string.match(newest[1][1], '^%d+') or '0'
if have ~= tonumber(head[3] or '0') then return {'damaged', 'it has ' .. have .. ' rows and should have ' .. (head[3] or '0')} end
if logged ~= rev then return {'damaged', 'its log ends at revision ' .. logged .. ', the table is at ' .. rev} end
if rev ~= ARGV[1] then return {'conflict', rev} end
if (head[2] or '') ~= ARGV[2] then return {'other'} end

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

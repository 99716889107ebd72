-- Replaces all rows of a table that has the expected revision by those that were sent ahead.
-- KEYS: head, rows, log, the rows sent ahead, another name for them
-- ARGV: expected revision and id, new revision and id, number of rows
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

-- The beginning of scripts that save: it answers unless the table is whole and has the expected
-- revision.
-- KEYS: head, rows, log
-- ARGV: expected revision and id, new revision and id
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

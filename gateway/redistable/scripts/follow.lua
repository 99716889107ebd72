-- Returns the revision of a table, its id, the number of its rows according to the head, their real
-- number, the revision at which the log ends, and what the log has from a revision on.
-- KEYS: head, rows, log
-- ARGV: the first revision of the log
local head = redis.call('HMGET', KEYS[1], 'rev', 'id', 'rows')
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
local logged = newest[1] and string.match(newest[1][1], '^%d+') or '0'
return {head[1] or '0', head[2] or '', head[3] or '0', tostring(redis.call('HLEN', KEYS[2])), logged,
	redis.call('XRANGE', KEYS[3], ARGV[1] .. '-0', '+')}

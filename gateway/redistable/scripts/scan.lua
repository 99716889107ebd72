-- Returns the next cursor and some rows. In a script it is read at the master.
-- KEYS: rows
-- ARGV: cursor
return redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 1000)

-- Ends, or prolongs, a lock that still has this owner.
-- KEYS: the lock
-- ARGV: the owner; the new time to live in milliseconds, 0 to end it
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])

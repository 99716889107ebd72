-- release: deletes a lock that holds the caller's token.
--
-- KEYS  [1] the lock
-- ARGV  [1] token
--
-- Returns 1 if it was deleted, 0 if it does not exist, -1 if it is not the caller's.
local values = redis.call('MGET', KEYS[1])
if values[1] == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return -redis.call('EXISTS', KEYS[1])

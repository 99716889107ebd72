-- acquire: acquires a lock that nobody holds, and draws the next fencing number.
--
-- KEYS  [1] the lock, [2] its counter, which has no TTL: numbers never repeat
-- ARGV  [1] token, [2] TTL in ms
--
-- Returns {1, fencing number} if the lock was acquired,
--         {0, TTL in ms of the present holder} if not; -1: it has none,
--         or an error NOPERM that names all that the user may not do of acquiring, keeping
--         and releasing it; then nothing was done.
--
-- A lock that holds the caller's token was acquired by this very call: the answer was lost
-- and the client repeats it. The counter has not moved since, for it moves only while nobody
-- holds the lock.
--
-- The counter comes first: if it cannot be raised, the lock has not been acquired.
local refused = refuse_lock(KEYS[1], KEYS[2])
if refused then
  return refused
end
local values = redis.call('MGET', KEYS[1], KEYS[2])
if values[1] == ARGV[1] and values[2] then
  return {1, tonumber(values[2])}
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return {0, redis.call('PTTL', KEYS[1])}
end
local fence = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return {1, fence}

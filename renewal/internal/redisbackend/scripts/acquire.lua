-- acquire: acquires a lock that nobody holds, and increments its counter, the fencing number.
--
-- KEYS  [1] the lock, [2] its counter, which has no TTL, so that numbers never repeat
-- ARGV  [1] token, [2] TTL in ms
--
-- Returns {1, fencing number} if the lock was acquired,
--         {0, TTL of the lock in ms} if another owner holds it, with -1 for a lock without TTL,
--         or an error NOPERM that names every permission that the user lacks to acquire, renew and
--         release the lock; then nothing was changed.
--
-- If the lock holds the caller's token, an earlier attempt of the same call acquired it, the answer
-- was lost, and the client repeats the call. The counter has not changed since then, because it
-- changes only while nobody holds the lock.
--
-- The script increments the counter first: if that fails, the lock has not been acquired.
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

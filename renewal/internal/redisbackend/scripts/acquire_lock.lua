-- acquire_lock: acquires a lock that nobody holds, without drawing a number; see acquire for
-- both in one step. It has one key, so a cluster carries it out also while the slot is on
-- its way to another node and lock and counter are on different ones.
--
-- KEYS  [1] the lock
-- ARGV  [1] token, [2] TTL in ms, [3] the counter, of which only the permission matters
--
-- Returns {1, 0} if the lock was acquired, also by an earlier call with this token,
--         {0, TTL in ms of the present holder} if not; -1: it has none,
--         or the error of acquire.
local refused = refuse_lock(KEYS[1], ARGV[3])
if refused then
  return refused
end
if redis.call('MGET', KEYS[1])[1] == ARGV[1] then
  return {1, 0}
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return {0, redis.call('PTTL', KEYS[1])}
end
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return {1, 0}

-- acquire_lock: acquires a lock that nobody holds, without incrementing its counter; acquire.lua
-- does both in one step. This script has one key, so a cluster can run it while the slot moves to
-- another node and lock and counter are on different nodes.
--
-- KEYS  [1] the lock
-- ARGV  [1] token, [2] TTL in ms, [3] the counter, for which only the permissions are checked
--
-- Returns {1, 0} if this call, or an earlier call with the same token, acquired the lock,
--         {0, TTL of the lock in ms} if another owner holds it, with -1 for a lock without TTL,
--         or the error of acquire.lua.
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

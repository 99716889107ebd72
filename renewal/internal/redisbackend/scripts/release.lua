-- release: deletes a lock that holds the caller's token.
--
-- KEYS  [1] the lock
-- ARGV  [1] token
--
-- Returns 1 if the lock was deleted, 0 if it does not exist, -1 if it does not hold the token.
local lock = KEYS[1]
local function release()
  if redis.call('MGET', lock)[1] == ARGV[1] then
    return redis.call('DEL', lock)
  end
  return -redis.call('EXISTS', lock)
end
return explain(release, {{'MGET', lock}, {'EXISTS', lock}, {'DEL', lock}})

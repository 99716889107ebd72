-- permitted: comes before every other script, after redisserver's permissions.lua. Redis
-- undoes nothing, so a command that the user may not run must not be found in the middle of
-- a change.

-- refuse returns an error that names all that the user may not do of a list of calls: first
-- commands, then keys; nil if all is permitted.
local function refuse(calls)
  local missing = refusals(calls)
  if #missing > 0 then
    return redis.error_reply('NOPERM renewal: ' .. table.concat(missing, '; '))
  end
end

-- explain runs a function, and if that fails for want of permission returns an error with
-- all that is missing: Redis itself does not name it. It costs nothing as long as all goes
-- well.
local function explain(run, calls)
  local ok, out = pcall(run)
  if ok then
    return out
  end
  return refuse(calls) or (type(out) == 'table' and out) or redis.error_reply(out)
end

-- refuse_lock is refuse for all that a holder will need from acquiring the lock on until
-- its release.
local function refuse_lock(lock, counter)
  return refuse({
    {'EVAL', 'return 1', '0'}, {'EVALSHA', '-', '0'},
    {'MGET', lock, counter}, {'EXISTS', lock}, {'PTTL', lock},
    {'INCR', counter}, {'SET', lock, '-'}, {'PEXPIRE', lock, '1'}, {'DEL', lock},
  })
end

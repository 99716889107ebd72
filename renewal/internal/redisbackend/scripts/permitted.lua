-- permitted: functions that check permissions. This text precedes every other script and follows
-- redisserver's permissions.lua. Redis undoes nothing, so a script must know that the user may run
-- all its commands before it changes anything.

-- refuse returns an error that names what the user may not use in a list of calls: first commands,
-- then keys. It returns nil if all calls are permitted.
local function refuse(calls)
  local missing = refusals(calls)
  if #missing > 0 then
    return redis.error_reply('NOPERM renewal: ' .. table.concat(missing, '; '))
  end
end

-- explain runs a function. If the function fails because a permission is missing, explain returns
-- an error that names all missing permissions, which Redis itself does not name. Permissions are
-- checked only after a failure.
local function explain(run, calls)
  local ok, out = pcall(run)
  if ok then
    return out
  end
  return refuse(calls) or (type(out) == 'table' and out) or redis.error_reply(out)
end

-- refuse_lock calls refuse for all calls that an owner needs from acquiring the lock to releasing
-- it.
local function refuse_lock(lock, counter)
  return refuse({
    {'EVAL', 'return 1', '0'}, {'EVALSHA', '-', '0'},
    {'MGET', lock, counter}, {'EXISTS', lock}, {'PTTL', lock},
    {'INCR', counter}, {'SET', lock, '-'}, {'PEXPIRE', lock, '1'}, {'DEL', lock},
  })
end

-- permitted: comes before every other script. Redis undoes nothing, so that a command which
-- the user may not run must not be found in the middle of a change.

-- denied names all commands of a list that the user may not run, as an error to answer with;
-- nil if there are none. Each is given with arguments, for Redis looks at the keys, too. A
-- command that the server does not have counts as refused. Before Redis 7.0 nothing is known.
local function denied(needs)
  if not redis.acl_check_cmd then
    return nil
  end
  local missing = {}
  for _, command in ipairs(needs) do
    local known, may = pcall(redis.acl_check_cmd, unpack(command))
    if not (known and may) then
      missing[#missing + 1] = command[1]
    end
  end
  if #missing > 0 then
    return redis.error_reply('NOPERM renewal: ' .. table.concat(missing, ' '))
  end
end

-- explain runs a function, and if that fails for want of permission answers with all that
-- is missing: Redis itself does not name it. It costs nothing as long as all goes well.
local function explain(run, needs)
  local ok, out = pcall(run)
  if ok then
    return out
  end
  return denied(needs) or (type(out) == 'table' and out) or redis.error_reply(out)
end

-- locking is what a holder will need from taking the lock on until its release.
local function locking(lock, counter)
  return denied({
    {'EVAL', 'return 1', '1', lock}, {'EVALSHA', '-', '1', lock},
    {'MGET', lock, counter}, {'EXISTS', lock}, {'PTTL', lock},
    {'INCR', counter}, {'SET', lock, '-'}, {'PEXPIRE', lock, '1'}, {'DEL', lock},
  })
end

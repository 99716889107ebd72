-- use: begin, plan, wave
--
-- Deletes a plan, step by step.
--
-- KEYS[1] the plan's record
-- ARGV[1] the step:
--   0  hide the plan from readers   2  delete some buckets
--   1  read their tenants           3  delete all other keys of the plan
-- ARGV[2] for steps 1 and 2: the first bucket   ARGV[3] number of buckets
--
-- Returns for step 0 "=" first bucket that is left "|" number of buckets "|" idempotency key,
-- sized; for step 1 "=" and the tenants, each sized; for the others "=". Returns "!conflict" if the
-- plan is not over, or for steps 1 to 3 not hidden; "!creating" and the remaining time in
-- microseconds if the time to live of its creation is not over.

local r = redis.pcall('HMGET', record, 'stage', 'tasks', 'gone', 'key', 'ttl', 'touched', 'most')
if r.err then
  return corrupt(record, r.err)
end
if not r[1] then
  return missing()
elseif not tonumber(r[2]) or not r[4] or not tonumber(r[7]) then
  return corrupt(record, 'tasks, key or most is missing')
end
if ARGV[1] == '0' then
  if r[1] == 'ready' then
    local problem = load()
    if problem then
      return problem
    end
    if not plan.over or not at_rest() then
      return '!conflict the plan is not over'
    end
  elseif r[1] == 'creating' and not (tonumber(r[5]) and tonumber(r[6])) then
    return corrupt(record, 'ttl or touched is missing')
  elseif r[1] == 'creating' and tonumber(now) < r[6] + r[5] then
    return '!creating ' .. string.format('%.0f', r[6] + r[5] - tonumber(now))
  end
  redis.call('UNLINK', base .. '-') -- allowed on a full server, and with it all that follows
  redis.call('HSET', record, 'stage', 'leaving')
  return '=' .. (r[3] or '0') .. '|' .. math.ceil(math.max(r[2], r[7]) / 64) .. '|' .. sized(r[4])
elseif r[1] ~= 'leaving' then
  return '!conflict the plan is not hidden'
end

local b, out = tonumber(ARGV[2]), {}
if ARGV[1] == '1' then
  for k = b, b + ARGV[3] - 1 do
    if redis.call('TYPE', base .. 'n:' .. k).ok == 'list' then
      for _, tenant in ipairs(redis.call('LRANGE', base .. 'n:' .. k, 0, -1)) do
        out[#out + 1] = sized(sub(tenant, 2))
      end
    end
  end
elseif ARGV[1] == '2' then
  for k = b, b + ARGV[3] - 1 do
    redis.call('UNLINK', base .. 'n:' .. k, base .. 't:' .. k, base .. 'x:' .. k)
  end
  redis.call('HSET', record, 'gone', b + ARGV[3])
else
  redis.call('UNLINK', base .. 'events', base .. 'history', base .. 'held', base .. 'loose', base .. 'later', base .. 'order',
    base .. 'commands', base .. 'cursors', record)
end
return '=' .. concat(out)

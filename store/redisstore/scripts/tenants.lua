-- use: begin, plan
--
-- Appends tenants to a plan under creation, or for an addition that is under way.
--
-- KEYS[1] the plan's record
-- ARGV[1] "=" and the mark of the creation, or "+" and the token of the addition
-- ARGV[2] ordinal of the first tenant   ARGV[3] number of tenants
-- then the id of each tenant, preceded by its mark (lib/task.lua)
-- then the number of tenants with labels or parameters, and for each of them: ordinal, JSON
--
-- The call may be repeated. Tenants that the plan has already must then be the same.
--
-- Returns "=" or a problem.

local r = redis.pcall('HMGET', record, 'stage', 'mark', 'tasks', 'have', 'adding', 'most')
if r.err then
  return corrupt(record, r.err)
end
if not r[1] then
  return missing()
elseif not r[2] or not tonumber(r[3]) or not tonumber(r[4]) or not r[5] or not tonumber(r[6]) then
  return corrupt(record, 'mark, tasks, have, adding or most is missing')
end
local tasks, have, adding = r[3] + 0, r[4] + 0, sub(ARGV[1], 1, 1) == '+'
if adding then
  local token, last = match(r[5], '^(%d+) (%d+)$')
  if r[1] ~= 'ready' then
    return '!notfound'
  elseif not token or '+' .. token ~= ARGV[1] then
    return '!conflict the plan has no such addition of tenants'
  end
  tasks = last + 0
elseif '=' .. r[2] ~= ARGV[1] or r[1] == 'leaving' then
  return '!notfound'
end
local first, count = tonumber(ARGV[2]), tonumber(ARGV[3])
if first < (adding and r[3] + 1 or 1) or first > have + 1 or first + count - 1 > tasks then
  return '!conflict tenants ' .. first .. ' to ' .. first + count - 1 .. ' for a plan that has ' .. have .. ' of ' .. tasks
end

-- each calls f once for each bucket of the given tenants, beginning with the tenant of ordinal
-- from. The arguments of f are the bucket's key, the place of the first tenant in the bucket, and
-- the range of ARGV with the tenants. each stops when f returns a problem, and returns it.
local function each(from, f)
  while from < first + count do
    local b = floor((from - 1) / 64)
    local last = math.min((b + 1) * 64, first + count - 1)
    local problem = f(base .. 'n:' .. b, from - 1 - b * 64, 4 + from - first, 4 + last - first)
    if problem then
      return problem
    end
    from = last + 1
  end
end

local problem = each(first, function(key, at, a, z)
  local problem = wrong_type(key, 'list') or wrong_type(base .. 'x:' .. sub(key, #base + 3), 'hash')
  if problem then
    return problem
  end
  local had = redis.call('LRANGE', key, at, at + z - a)
  for i = 1, math.min(z - a + 1, have - first - a + 5) do
    if not had[i] then
      return corrupt(key, 'a tenant that was there is missing')
    elseif sub(had[i], 2) ~= sub(ARGV[a + i - 1], 2) then
      return '!conflict another tenant is there already'
    end
  end
end)
if problem then
  return problem
end
if adding and first + count - 1 <= have or not adding and r[1] ~= 'creating' then
  return '='
end
if adding then -- an addition that was given up may have left its tenants behind
  each(math.max(first, have + 1), function(key, at)
    if redis.call('LLEN', key) > at then
      if at == 0 then
        redis.call('UNLINK', key)
      else
        redis.call('LTRIM', key, 0, at - 1)
      end
      local drop = { 'HDEL', base .. 'x:' .. sub(key, #base + 3) }
      for f = at, 63 do
        drop[#drop + 1] = f
      end
      redis.call(unpack(drop))
    end
  end)
end
local open = floor(have / 64)
local key = base .. 'n:' .. open
problem = wrong_type(key, 'list')
if not problem and redis.call('LLEN', key) ~= have - open * 64 then
  problem = corrupt(key, 'it has ' .. redis.call('LLEN', key) .. ' tenants, not ' .. have - open * 64)
end
if problem then
  return problem
end
each(math.max(first, have + 1), function(key, at, a, z)
  redis.call('RPUSH', key, unpack(ARGV, a, z))
end)
local i = 4 + count
local more = tonumber(ARGV[i])
for k = 1, more do
  local o = tonumber(ARGV[i + k * 2 - 1]) - 1
  local b = floor(o / 64)
  redis.call('HSET', base .. 'x:' .. b, o - b * 64, ARGV[i + k * 2])
end
have = math.max(have, first + count - 1)
if adding then
  redis.call('HSET', record, 'have', have, 'most', math.max(r[6], have))
else
  redis.call('HSET', record, 'have', have, 'touched', now)
end
return '='

-- Keeps the limit of fencing tokens, and assigns plan ids.
--
-- No token above the limit was ever assigned, in any plan. Before a plan assigns tokens above its
-- own limit, the store raises this limit. If the plan's tokens have to be greater than all others,
-- the store also makes the old limit the plan's floor.
--
-- KEYS[1] tokens, the limit   KEYS[2] ids, the newest plan id   KEYS[3] plans, all of them by id
-- ARGV[1] what to do, then its arguments
--   raise ahead clock   raise the limit to ahead microseconds after the later one of two times:
--                       this server's clock, and clock, which the caller has read
--   id jump             assign the next plan id, jump above the newest. If ids is lost, the newest
--                       listed plan takes its place; without one the answer is "!corrupt", because
--                       an id must not be assigned twice
--
-- Returns "=" and, for raise, the old limit SP the new limit; for id, the id.

local function number(key)
  local v = redis.pcall('GET', key)
  if type(v) == 'table' and v.err or v and not match(v, '^%d+$') then
    return nil, '!corrupt ' .. #key .. ':' .. key .. (v.err or 'it is no number')
  end
  return v and tonumber(v)
end

local clock = redis.call('TIME')
local now = tonumber(clock[1] .. format('%06d', tonumber(clock[2])))
local limit, problem = number(KEYS[1])
local newest, other = number(KEYS[2])
if problem or other then
  return problem or other
end

if ARGV[1] == 'id' then
  local listed = not newest and redis.pcall('ZRANGE', KEYS[3], '-1', '-1') or {}
  if listed.err then
    return '!corrupt ' .. #KEYS[3] .. ':' .. KEYS[3] .. listed.err
  end
  if not newest and (limit or listed[1]) then
    if not match(listed[1] or '', '^%d+$') then
      return '!corrupt ' .. #KEYS[2] .. ':' .. KEYS[2] .. 'the newest plan id is missing'
    end
    redis.call('SET', KEYS[2], listed[1])
  elseif not limit and not newest then -- the first plan of all
    redis.call('SET', KEYS[1], format('%.0f', now))
  end
  return '=' .. redis.call('INCRBY', KEYS[2], ARGV[2])
end
if not limit then
  return '!corrupt ' .. #KEYS[1] .. ':' .. KEYS[1] .. 'the limit of tokens is missing'
end
-- The limit rises even if it is already further ahead of the clock.
local raised = math.max(limit + 1000, math.max(now, tonumber(ARGV[3])) + ARGV[2])
redis.call('SET', KEYS[1], format('%.0f', raised))
return '=' .. format('%.0f', limit) .. ' ' .. format('%.0f', raised)

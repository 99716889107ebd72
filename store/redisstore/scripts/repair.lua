-- use: begin, plan, head, task, unheld
--
-- Rebuilds the entries of some buckets of tasks in the indexes held, loose and later. At the end it
-- corrects the earliest time for which a task waits.
--
-- KEYS[1] the plan's record
-- ARGV[1] the first bucket   ARGV[2] number of buckets
--
-- Returns "=" and the bucket with which the next call begins, -1 at the end.

local problem = load() or wrong_type(base .. 'held', 'hash') or wrong_type(base .. 'loose', 'zset')
  or wrong_type(base .. 'later', 'zset')
if problem then
  return problem
end
-- Claims that choose their tasks may have reached any.
local reached = plan.ahead == '2' and plan.total or plan.reached - 1
local b, last = tonumber(ARGV[1]), floor((reached - 1) / 64)
local stop = b + tonumber(ARGV[2])
local q = { 'HMGET', '' }
for f = 0, 63 do
  q[f + 3] = f
end
while b < stop and b <= last do
  q[2] = bucket(b)
  local got = redis.pcall(unpack(q))
  if got.err then
    return corrupt(bucket(b), got.err)
  end
  for i = 1, 64 do
    local h, ordinal = got[i], b * 64 + i
    local s = h and sub(h, 1, 1)
    if not h and ordinal < plan.reached then
      return missing_head(ordinal)
    end
    if s == 'R' or s == 'B' or s == 'r' or s == 'b' then
      local t = parse_head(h)
      if not t then
        return corrupt_head(ordinal)
      end
      if t.claim ~= '' then
        redis.call('HSET', base .. 'held', t.claim, ordinal .. ' ' .. t.worker)
      else
        index_unheld(ordinal, s, t.request, t.wait)
      end
    end
  end
  b = b + 1
end
if b > last and plan.waiting > 0 then
  plan.due_stale = true
  refresh_due()
  redis.call('HSET', record, 'facts', format_facts())
end
return '=' .. (b <= last and b or -1)

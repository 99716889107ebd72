-- use: begin, plan, head, task
--
-- Reads tasks, in ascending order of ordinal.
--
-- KEYS[1] the plan's record
-- ARGV[1] ordinal after which to start   ARGV[2] maximum number of tasks
-- ARGV[3] letters of the states to select, empty: all
-- ARGV[4] maximum number of buckets to read
-- ARGV[5] size of the tasks in bytes at which to stop, after a whole bucket
-- ARGV[6] last ordinal to look at, 0: the last of the plan
--
-- Returns "=" next "|" canceled "|" and the tasks, framed by frame_tasks. next is the ordinal after
-- which the next page starts, 0 at the end; canceled is 1 if pending tasks show as canceled.

local problem = load()
if problem then
  return problem
end
local after, limit, states, buckets, bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local until_ordinal = tonumber(ARGV[6])
local total = until_ordinal > 0 and math.min(until_ordinal, plan.total) or plan.total
local any = states == ''
for letter, name in pairs(counter) do
  if letter ~= 'r' and letter ~= 'b' then
    any = any or counts[name] > 0 and find(states, letter, 1, true) ~= nil
  end
end
if not any then
  return '=0|0|'
end

local out, size, count = {}, 0, 0
while buckets > 0 and after < total and count < limit and size < bytes do
  local b, first = at(after + 1)
  local last = math.min(63, total - 1 - b * 64)
  local q = { 'HMGET', bucket(b) }
  for f = first + 1, last + 1 do
    q[#q + 1] = field_names[f]
  end
  local got = redis.pcall(unpack(q))
  if got.err then
    return corrupt(bucket(b), got.err)
  end
  problem = missing_heads(b, first, got, last - first + 1)
  if problem then
    return problem
  end
  local list = {}
  for i, h in ipairs(got) do
    local ordinal = after + 1
    local letter = shown(h and sub(h, 1, 1) or 'P')
    after = ordinal
    if states == '' or find(states, string.upper(letter), 1, true) then
      list[#list + 1] = described(ordinal, h, false, false)
      count = count + 1
      if count == limit then
        break
      end
    end
  end
  if #list > 0 then
    local from = #out
    problem = frame_tasks(b, list, out)
    if problem then
      return problem
    end
    for i = from + 1, #out do
      size = size + #out[i]
    end
  end
  buckets = buckets - 1
end
return '=' .. (after < total and after or 0) .. '|' .. (plan.stop_running == 2 and 1 or 0) .. '|' .. concat(out)

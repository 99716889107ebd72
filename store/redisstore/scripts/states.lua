-- use: begin, plan, head, task
--
-- Reads the states of tasks, in ascending order of ordinal.
--
-- KEYS[1] the plan's record
-- ARGV[1] ordinal after which to start   ARGV[2] maximum number of tasks
--
-- Returns "=" and a letter per task: the state as readers see it, "?" if the head is invalid. The
-- script does not parse heads and checks only their first and third bytes; the remaining cost is
-- one HMGET per bucket.

local problem = load()
if problem then
  return problem
end
local after = tonumber(ARGV[1])
local last = math.min(after + tonumber(ARGV[2]), plan.total)
local pending, untouched, space, unknown = byte('P'), byte(shown('P')), byte(' '), byte('?')

local q = { 'HMGET', '', unpack(field_names) }
local out = { '=' }
while after < last do
  local b, f = at(after + 1)
  q[2] = bucket(b)
  local heads = redis.pcall(unpack(q))
  if heads.err then
    return corrupt(q[2], heads.err)
  end
  local letters, count, gap = {}, math.min(64, last - b * 64), false
  for i = f + 1, count do
    local h = heads[i]
    after = after + 1
    local letter = untouched
    if h then
      local first, _, third = byte(h, 1, 3)
      if third ~= space then
        letter = unknown
      elseif first ~= pending then
        letter = first
      end
    else
      gap = true
    end
    letters[#letters + 1] = letter
  end
  problem = gap and (b * 64 < plan.reached or plan.ahead ~= '0') and missing_heads(b, 0, heads, count)
  if problem then
    return problem
  end
  out[#out + 1] = char(unpack(letters))
end
return concat(out)

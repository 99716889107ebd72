-- use: begin, plan, head, task
--
-- Removes entries that do not belong to any task from the index of held tasks.
--
-- KEYS[1] the plan's record
-- ARGV the claims to check
--
-- Returns "=".

local problem = load() or wrong_type(base .. 'held', 'hash')
if problem then
  return problem
end
local key = base .. 'held'
for _, claim in ipairs(ARGV) do
  local entry = redis.call('HGET', key, claim)
  local ordinal = match(entry or '', '^(%d+) ')
  if entry and not ordinal and claim ~= '' then
    redis.call('HDEL', key, claim)
  elseif ordinal then
    local b, f = at(tonumber(ordinal))
    local got = redis.pcall('HMGET', bucket(b), f)
    if got.err then
      return corrupt(bucket(b), got.err)
    end
    local t = parse_head(got[1])
    if not t or t.state ~= 'R' and t.state ~= 'B' or t.claim ~= claim then
      redis.call('HDEL', key, claim)
    end
  end
end
return '='

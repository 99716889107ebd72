-- use: begin, plan, wave, event, history
--
-- Ends the creation of a plan that has all its tenants. From then on readers see the plan.
--
-- KEYS[1] the plan's record
-- ARGV[1] mark   ARGV[2] control   ARGV[3] rules   ARGV[4] line of the first event
--
-- Returns "=1", "=0" if an earlier call has ended the creation, or a problem.

local r = redis.pcall('HMGET', record, 'stage', 'mark', 'tasks', 'have')
if r.err then
  return corrupt(record, r.err)
end
if not r[1] then
  return missing()
elseif not r[2] or not tonumber(r[3]) or not tonumber(r[4]) then
  return corrupt(record, 'mark, tasks or have is missing')
elseif r[2] ~= ARGV[1] or r[1] == 'leaving' then
  return '!notfound'
end
if r[1] == 'ready' then
  return '=0'
end
if r[3] ~= r[4] then
  return '!conflict ' .. r[4] .. ' tenants of ' .. r[3]
end
local problem = wrong_type(base .. 'events', 'stream') or wrong_type(base .. 'history', 'stream')
if problem then
  return problem
end
parse_facts(r[3] .. ' 0 0 0 0 0 0 0 0 0 0 0 0 1 0 -1 0 1 1 0 0 0 0 0 0 0 0 0 0 0')
parse_rules(ARGV[3])
events[1] = ARGV[4]
log(0)
append_history(0)
redis.call('HSET', record, 'stage', 'ready', 'version', '1', 'control', ARGV[2], 'rules', ARGV[3], 'facts', format_facts(),
  'changed', now, 'tokens', '0 0', 'past', '', 'cursors', '0')
redis.call('HDEL', record, 'actor', 'ttl', 'touched')
return '=1'

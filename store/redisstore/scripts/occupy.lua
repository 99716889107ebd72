-- Takes places in a quota.
--
-- KEYS[1] the places of the quota, a hash: plan SP ordinal -> start SP phase
-- ARGV per place: plan SP ordinal
--                 the value
--                 the value that it replaces, empty if there is none
--                 how many places there may be with this one
--
-- Returns "=" and per place a sized text: "+" if the task has the place now, empty if all places
-- are taken, otherwise the value that the task has, cut to at most 254 bytes.

local taken = redis.pcall('HLEN', KEYS[1])
if type(taken) == 'table' then
  return '!corrupt ' .. #KEYS[1] .. ':' .. KEYS[1] .. taken.err
end
local out = {}
for i = 1, #ARGV, 4 do
  local task, value, from = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local had = redis.call('HGET', KEYS[1], task)
  local answer = '+'
  if not had then
    if taken < tonumber(ARGV[i + 3]) then
      redis.call('HSET', KEYS[1], task, value)
      taken = taken + 1
    else
      answer = ''
    end
  elseif had == from and from ~= '' then
    redis.call('HSET', KEYS[1], task, value)
  elseif had ~= value then
    answer = had == '' and ' ' or sub(had, 1, 254)
  end
  out[#out + 1] = char(#answer) .. answer
end
return '=' .. concat(out)

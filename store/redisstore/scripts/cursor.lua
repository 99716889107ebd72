-- use: begin, plan
--
-- Acquires, renews or moves a cursor.
--
-- KEYS[1] the plan's record
-- ARGV[1] name   ARGV[2] owner
-- ARGV[3] how long the cursor belongs to the owner, in microseconds; ignored for a move
-- ARGV[4] the new position; -1: acquire or renew the cursor without moving it
--
-- Returns "=" and the position; "!conflict" if another owner has the cursor or, for a move, if
-- nobody has it; "!ahead" and the newest event if the new position is beyond that event.
--
-- An entry of cursors is: position, end of ownership, owner. Field cursors of the record counts the
-- entries.

local problem = load() or wrong_type(base .. 'cursors', 'hash')
if problem then
  return problem
end
local key = base .. 'cursors'
local entry = redis.call('HGET', key, ARGV[1])
local count = not entry and redis.call('HGET', record, 'cursors')
if not entry and not tonumber(count or '') then
  return corrupt(record, 'cursors is missing')
elseif not entry and redis.call('HLEN', key) < count + 0 then
  return corrupt(key, 'it has ' .. redis.call('HLEN', key) .. ' cursors, not ' .. count)
end
local position, till, owner = match(entry or '0 0 ', '^(%d+) (%d+) (.*)$')
if not position then
  return corrupt(key, 'cursor ' .. ARGV[1] .. ' makes no sense')
end
local live = tonumber(till) > tonumber(now)
if ARGV[4] == '-1' then
  if live and owner ~= ARGV[2] then
    return '!conflict the cursor belongs to ' .. owner
  end
  till = string.format('%.0f', tonumber(now) + ARGV[3])
else
  if not live or owner ~= ARGV[2] then
    return '!conflict the cursor does not belong to ' .. ARGV[2]
  end
  if tonumber(ARGV[4]) > plan.last_event then
    return '!ahead ' .. int(plan.last_event)
  end
  position = ARGV[4]
end
redis.call('UNLINK', base .. '-') -- allowed on a full server, and after it all other writes
if not entry then
  redis.call('HSET', record, 'cursors', count + 1)
end
redis.call('HSET', key, ARGV[1], position .. ' ' .. till .. ' ' .. ARGV[2])
return '=' .. position

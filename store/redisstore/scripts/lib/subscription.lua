-- Shared: subscriptions. Uses agenda.
--
-- {all}:subscriptions, a hash: name -> cursor SP newest plan SP dropped letters SP ready SP status,
--   where ready is 0 or 1
-- {all}:unread:<name>, a sorted set: the unread plans by the time at which they are due
-- {all}:letters:<name>, a hash: id of a dead letter -> time at which it was added SP letter
-- provides: letters_of, subscription

local function letters_of(name)
  return sub(agenda, 1, -7) .. 'letters:' .. name
end

-- subscription returns the cursor, the newest plan, the number of dropped letters, the ready flag
-- and the status of a subscription; nothing and an answer if there is none, or if it is damaged.
local function subscription(name)
  local record = redis.call('HGET', subscriptions, name)
  if not record then
    return nil, '!notfound'
  end
  local cursor, newest, dropped, ready, status = match(record, '^(%S+) (%d+) (%d+) ([01]) (.*)$')
  if not cursor then
    return nil, '!corrupt ' .. #subscriptions .. ':' .. subscriptions .. 'field ' .. name .. ' makes no sense'
  end
  return cursor, newest, dropped, ready, status
end

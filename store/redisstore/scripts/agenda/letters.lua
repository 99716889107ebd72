-- use: agenda, subscription
--
-- Keeps the dead letters of a subscription.
--
-- KEYS as in lib/agenda.lua
-- ARGV[1] what to do   ARGV[2] name
--   add    ARGV[3] id   ARGV[4] letter   ARGV[5] maximum number of letters
--   list
--   drop   ARGV[3] id
--
-- Returns "="; after that, for list, per letter: time at which it was added ";" length of the
-- letter ";" letter. Returns "!notfound" if there is no such subscription.

local what, name = ARGV[1], ARGV[2]
local key = letters_of(name)
local cursor, newest, dropped, ready, status = subscription(name)
if not cursor then
  return newest
end

-- added returns the time at which a letter was added, and the letter.
local function added(value)
  local time, letter = match(value, '^(%d+) (.*)$')
  return tonumber(time or 0), letter or ''
end

if what == 'drop' then
  redis.call('HDEL', key, ARGV[3])
  return '='
elseif what == 'list' then
  local out = { '=' }
  for _, value in pairs(fields(key)) do
    local time, letter = added(value)
    out[#out + 1] = text(time) .. ';' .. #letter .. ';' .. letter
  end
  return concat(out)
end
local had = redis.call('HGET', key, ARGV[3])
redis.call('HSET', key, ARGV[3], text(had and added(had) or now) .. ' ' .. ARGV[4])
if redis.call('HLEN', key) > tonumber(ARGV[5]) then
  local oldest, first
  for id, value in pairs(fields(key)) do
    local time = added(value)
    if not first or time < first then
      oldest, first = id, time
    end
  end
  redis.call('HDEL', key, oldest)
  redis.call('HSET', subscriptions, name, cursor .. ' ' .. newest .. ' ' .. text(dropped + 1) .. ' ' .. ready .. ' ' .. status)
end
return '='

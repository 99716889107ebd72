-- use: agenda, subscription
--
-- Makes, lists, changes and ends subscriptions.
--
-- KEYS as in lib/agenda.lua
-- ARGV[1] what to do:
--   make    ARGV[2] name, unless there is a subscription of it   ARGV[3] 1 to begin at the start
--   list    all subscriptions
--   report  ARGV[2] name   ARGV[3] 1 if it is ready, otherwise 0   ARGV[4] status
--   end     ARGV[2] name
--
-- Returns "="; after that, for make and list, per subscription: name ";" cursor ";" newest plan ";"
-- dropped letters ";" unread plans ";" dead letters ";" ready ";" length of the status ";" status.
-- Returns "!notfound" if there is no subscription to report on.

local what, name = ARGV[1], ARGV[2]

local function described(of)
  local cursor, newest, dropped, ready, status = subscription(of)
  if not cursor then
    return nil, newest
  end
  local unread, letters = redis.pcall('ZCARD', unread_of(of)), redis.pcall('HLEN', letters_of(of))
  for key, size in pairs({ [unread_of(of)] = unread, [letters_of(of)] = letters }) do
    if type(size) == 'table' then
      return nil, '!corrupt ' .. #key .. ':' .. key .. size.err
    end
  end
  return concat({ of, cursor, newest, dropped, unread, letters, ready, #status, status }, ';')
end

if what == 'make' then
  if redis.call('HEXISTS', subscriptions, name) == 0 then
    local newest = ARGV[3] ~= '1' and tonumber(redis.call('GET', KEYS[3]) or '') or 0
    redis.call('HSET', subscriptions, name, name .. '@' .. text(now) .. ' ' .. text(newest) .. ' 0 0 {}')
  end
  local answer, problem = described(name)
  return problem or '=' .. answer
elseif what == 'list' then
  local out = { '=' }
  for of in pairs(fields(subscriptions)) do
    local answer, problem = described(of)
    if problem then
      return problem
    end
    out[#out + 1] = answer
  end
  return concat(out)
elseif what == 'report' then
  local cursor, newest, dropped, ready = subscription(name)
  if not cursor then
    return newest
  end
  ready = (ready == '1' or ARGV[3] == '1') and '1' or '0'
  redis.call('HSET', subscriptions, name, cursor .. ' ' .. newest .. ' ' .. dropped .. ' ' .. ready .. ' ' .. ARGV[4])
elseif what == 'end' then
  redis.call('HDEL', subscriptions, name)
  redis.call('UNLINK', unread_of(name), letters_of(name))
end
return '='

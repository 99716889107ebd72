-- Shared: the agenda, which records when each plan is due to be reconciled.
--
-- KEYS[1] agenda, a sorted set: plan ids by the time they are due
-- KEYS[2] stamps, a hash: plan id -> stamp SP kind SP hold, followed by SP executor if the plan is
--   left to one. The stamp rises whenever the plan is put on the agenda. kind is c for a plan that
--   is being created or removed, s for a scheduled plan, g for a plan that is not due before the
--   next command. Until the time hold, the plan is not put off past that time, because a command
--   is being written or the plan has a reminder. Field sweep: time SP id SP quiet, when the last
--   range of ids was checked, where the next begins, and how many ids were checked in vain since
--   something was found.
-- KEYS[3] ids, the newest plan id   KEYS[4] plans, all of them by id
-- {all}:agenda:<executor>, a sorted set: the plans that are left to the engines with an executor,
--   by the time when they were. They are due for these engines.
-- All times are in microseconds.
-- {all}:subscriptions and {all}:unread:<name> are described in lib/subscription.lua.
-- provides: agenda, stamps, subscriptions, now, text, entry, set_entry, put, left_to, leave,
--   fields, unread_of, show, wake

local agenda, stamps = KEYS[1], KEYS[2]
local subscriptions = sub(agenda, 1, -7) .. 'subscriptions'
local clock = redis.call('TIME')
local now = tonumber(clock[1] .. format('%06d', tonumber(clock[2])))
-- The agenda has to be written even if the memory of the server is full: a server judges a script
-- by its first write, and this write is always allowed.
redis.call('UNLINK', KEYS[1] .. '-')

local function text(t)
  return format('%.0f', t)
end

-- entry returns a plan's stamp, kind and hold, and the executor to which it is left, or ''; 0,
-- nothing, 0 and '' if the plan has no entry.
local function entry(plan)
  local stamp, kind, hold, executor = match(redis.call('HGET', stamps, plan) or '', '^(%d+) (%a) (%d+) ?(.*)$')
  return tonumber(stamp or 0), kind, tonumber(hold or 0), executor or ''
end

local function set_entry(plan, stamp, kind, hold, executor)
  local left = executor ~= '' and ' ' .. executor or ''
  redis.call('HSET', stamps, plan, text(stamp) .. ' ' .. kind .. ' ' .. text(hold) .. left)
end

-- put makes a plan due at a time.
local function put(plan, at)
  redis.call('ZADD', agenda, text(at), plan)
end

local function left_to(executor)
  return agenda .. ':' .. executor
end

-- leave leaves a plan to another executor than before, or to none. It returns an answer if the key
-- of that executor is damaged.
local function leave(plan, before, executor)
  if before ~= '' and before ~= executor then
    redis.pcall('ZREM', left_to(before), plan)
  end
  if executor ~= '' then
    local key = left_to(executor)
    local added = redis.pcall('ZADD', key, text(now), plan)
    if type(added) == 'table' then
      return '!corrupt ' .. #key .. ':' .. key .. added.err
    end
  end
end

-- fields returns the fields of a hash with their values.
local function fields(key)
  local all, cursor = {}, '0'
  repeat
    local page = redis.call('HSCAN', key, cursor, 'COUNT', 1000)
    cursor = page[1]
    for i = 1, #page[2], 2 do
      all[page[2][i]] = page[2][i + 1]
    end
  until cursor == '0'
  return all
end

local function unread_of(name)
  return sub(agenda, 1, -7) .. 'unread:' .. name
end

-- show makes a plan unread for a subscription, and due at a time unless it is due earlier. Damage
-- of a subscription does not affect the agenda.
local function show(name, plan, at)
  redis.pcall('ZADD', unread_of(name), 'LT', text(at), plan)
end

-- wake makes a plan due now, and unread for all subscriptions. A plan that is due already does not
-- move back in the order.
local function wake(plan, hold)
  local stamp, _, held, executor = entry(plan)
  set_entry(plan, math.max(stamp + 1, now), 's', math.max(held, hold), executor)
  local due = redis.call('ZSCORE', agenda, plan)
  if not due or tonumber(due) > now then
    put(plan, now)
  end
  for name in pairs(fields(subscriptions)) do
    show(name, plan, now)
  end
end

-- Shared: the agenda, which records when each plan is due to be reconciled.
--
-- KEYS[1] agenda, a sorted set: plan ids by the time they are due
-- KEYS[2] stamps, a hash: plan id -> stamp SP kind SP hold. The stamp rises whenever the plan is
--   put on the agenda. kind is c for a plan that is being created or removed, s for a scheduled
--   plan, g for a plan that is not due before the next command. Until the time hold, the plan is
--   not put off past that time, because a command is being written or the plan has a reminder.
--   Field sweep: time SP id, when the last range of ids was checked, and where the next begins.
-- KEYS[3] ids, the newest plan id   KEYS[4] plans, all of them by id
-- All times are in microseconds.
-- provides: agenda, stamps, now, text, entry, set_entry, put, wake

local agenda, stamps = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now = tonumber(clock[1] .. format('%06d', tonumber(clock[2])))
-- The agenda has to be written even if the memory of the server is full: a server judges a script
-- by its first write, and this write is always allowed.
redis.call('UNLINK', KEYS[1] .. '-')

local function text(t)
  return format('%.0f', t)
end

-- entry returns a plan's stamp, kind and hold; 0, nothing and 0 if the plan has no entry.
local function entry(plan)
  local stamp, kind, hold = match(redis.call('HGET', stamps, plan) or '', '^(%d+) (%a) (%d+)$')
  return tonumber(stamp or 0), kind, tonumber(hold or 0)
end

local function set_entry(plan, stamp, kind, hold)
  redis.call('HSET', stamps, plan, text(stamp) .. ' ' .. kind .. ' ' .. text(hold))
end

-- put makes a plan due at a time.
local function put(plan, at)
  redis.call('ZADD', agenda, text(at), plan)
end

-- wake makes a plan due now. A plan that is due already does not move back in the order.
local function wake(plan, hold)
  local stamp, _, held = entry(plan)
  set_entry(plan, math.max(stamp + 1, now), 's', math.max(held, hold))
  local due = redis.call('ZSCORE', agenda, plan)
  if not due or tonumber(due) > now then
    put(plan, now)
  end
end

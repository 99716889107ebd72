-- Shared: the agenda, which records when each plan is due to be reconciled.
--
-- KEYS[1] agenda, a sorted set: plan ids by the time they are due
-- KEYS[2] stamps, a hash: plan id -> stamp SP kind SP hold. kind is c for a creation, s for a
--   plan that is scheduled, g for one that rests for good. Until hold, nothing puts a plan
--   further off than hold: a command is being written, or somebody has reminded of the plan.
--   Field sweep: time SP id, the progress of the repair.
-- KEYS[3] ids, the newest plan id   KEYS[4] plans, all of them by id
-- All times are in microseconds.
-- provides: agenda, stamps, now, text, entry, set_entry, put, wake

local agenda, stamps = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now = tonumber(clock[1] .. format('%06d', tonumber(clock[2])))
-- A server whose memory is full has to know, too, which plans are due and which are put off: a
-- script is judged by its first write, and this one is always allowed.
redis.call('UNLINK', KEYS[1] .. '-')

local function text(t)
  return format('%.0f', t)
end

-- entry returns a plan's stamp, kind and hold; 0, nothing and 0 if it has none.
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

-- wake makes a plan due now; a plan that is due already keeps its turn.
local function wake(plan, hold)
  local stamp, _, held = entry(plan)
  set_entry(plan, math.max(stamp + 1, now), 's', math.max(held, hold))
  local due = redis.call('ZSCORE', agenda, plan)
  if not due or tonumber(due) > now then
    put(plan, now)
  end
end

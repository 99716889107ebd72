-- Shared: the heads of tasks, new tokens, and the undo round. Uses plan, wave, task.
-- provides: heads, head, open_tokens, spent, seek, seek_last


-- plan.budget is the number of tasks that the script may still examine to find tasks to claim.
plan.budget = 1024

-- plan.exhausted means that further claims need tokens above the plan's limit.
--
-- plan.damaged is the problem because of which the script claims no further tasks. plan.unindexed
-- means that an index has to be rebuilt.
--
-- plan.free is the number of slots that are free, while the script gathers tasks.

-- heads reads the heads of count tasks of one bucket, beginning with field first. If it fails, it
-- sets plan.damaged and returns false.
local function heads(b, first, count)
  if count == 1 then
    local h = redis.pcall('HGET', bucket(b), field_names[first + 1])
    if type(h) == 'table' then
      plan.damaged = corrupt(bucket(b), h.err)
      return false
    end
    return { h }
  end
  local q = { 'HMGET', bucket(b) }
  for i = 1, count do
    q[i + 2] = field_names[first + i]
  end
  local got = redis.pcall(unpack(q))
  if got.err then
    plan.damaged = corrupt(bucket(b), got.err)
    return false
  end
  return got
end

local function head(ordinal)
  local b, f = at(ordinal)
  local got = heads(b, f, 1)
  return got and got[1]
end

-- open_tokens prepares the assignment of tokens. It first raises the plan's floor and limit to the
-- arguments floor and limit; 0 leaves them unchanged. Each token is greater than the floor, than
-- the task's previous token and, unless the clock was set back, than all earlier tokens of the
-- plan. No token is above the limit. open_tokens returns a problem, if any.
local function open_tokens(stored, floor, limit)
  local low, high = match(stored or '', '^(%d+) (%d+)$')
  if not low then
    return corrupt(record, 'tokens is missing or makes no sense')
  end
  plan.floor, plan.limit = math.max(low + 0, floor), math.max(high + 0, limit)
  if limit > 0 then
    redis.call('HSET', record, 'tokens', int(plan.floor) .. ' ' .. int(plan.limit))
  end
  plan.fresh = math.max(now + 0, plan.floor + 1)
end

-- spent reports whether the limit of tokens has to be raised before the task with head h, or an
-- earlier task of the same script, can get a new token.
local function spent(h)
  if token_of(h) >= plan.limit then
    plan.exhausted = true
  end
  return plan.exhausted
end

-- seek moves the open undo round on to the next task to undo and returns the task with its head. It
-- returns nothing if the round has no further task, or if the budget is spent.
local function seek()
  if not plan.undo_open or plan.dry == 1 then
    return
  end
  local order = base .. 'order'
  if plan.sequential and redis.call('LLEN', order) ~= plan.turns then
    plan.damaged = corrupt(order, 'it has ' .. redis.call('LLEN', order) .. ' entries, not ' .. plan.turns)
    return
  end
  if plan.undo_at < 0 then -- the round begins. Tasks that were never reached are not undone
    plan.undo_at = plan.sequential and plan.turns or math.max(plan.reached, plan.next_pending) - 1
    if plan.ahead == '2' and not plan.sequential then -- claims have chosen tasks beyond these
      plan.undo_at = plan.total
    end
    if plan.undo_last > 0 and not plan.sequential then
      plan.undo_at = math.min(plan.undo_at, plan.undo_last)
    end
  end
  while plan.undo_at > 0 and plan.budget > 0 do
    if plan.undo_at < plan.undo_first and not plan.sequential then -- the rest is not of the wave
      plan.undo_at = 0
      break
    end
    plan.budget = plan.budget - 1
    local ordinal = plan.undo_at
    if plan.sequential then
      ordinal = tonumber(redis.call('LINDEX', order, int(plan.undo_at - 1)))
    end
    local h = ordinal and head(ordinal)
    if plan.damaged then
      return
    end
    if not h and ordinal and plan.ahead == '2' then
      local b, f = at(ordinal)
      plan.damaged = missing_heads(b, f, {}, 1)
      h = 'P' -- it was never reached
    elseif not h then
      plan.damaged = ordinal and missing_head(ordinal) or corrupt(order, 'entry ' .. int(plan.undo_at) .. ' is missing')
    end
    if plan.damaged then
      return
    end
    local s = sub(h, 1, 1)
    if s == 'C' or s == 'F' or s == 'Z' or s == 'E' or s == 'X' then
      local t = parse_head(h)
      if not t then
        plan.damaged = corrupt_head(ordinal)
        return
      end
      local turns = not plan.sequential or tonumber(t.turn) == plan.undo_at
      if t.attempt ~= '0' and turns and (plan.undo_last == 0 or covered(ordinal)) then
        plan.damaged = plan.stop_running < 2 and elsewhere(ordinal) and open_waves() or s == 'F' and groups().open()
        if plan.damaged then
          return
        end
        return ordinal, h
      end
    end
    plan.undo_at = plan.undo_at - 1
  end
  if plan.undo_at == 0 then
    plan.dry = 1
  end
end

-- seek_last calls seek after all claims. If seek finds no further task, no task may be left that is
-- paused, completed or failed. If one is left, the data that guides the round is damaged. Of the
-- undo of a wave this cannot be said.
local function seek_last()
  seek()
  if plan.undo_open and plan.undo_last == 0 and plan.dry == 1 and counts.paused + counts.completed + counts.failed > 0 then
    plan.dry = 0
    plan.damaged = corrupt(plan.sequential and base .. 'order' or record, 'it does not tell of all tasks that are to be undone')
  end
end

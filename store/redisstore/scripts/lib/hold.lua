-- Shared: the ends of holds. Uses plan, task.
-- provides: freed, released, checked, end_hold, write_holds

-- freed are the claims whose holds have ended, released the ordinals that were released in a
-- sequential plan. plan.turns is the number of entries that the key order must have.
local freed, released = {}, {}

-- checked returns a problem if an index that changes of tasks write to has the wrong type: nothing
-- is written until it is certain that everything can be written. defers means that tasks may begin
-- to wait.
local function checked(defers)
  local problem = wrong_type(base .. 'events', 'stream') or wrong_type(base .. 'held', 'hash') or wrong_type(base .. 'loose', 'zset')
  return problem or plan.sequential and wrong_type(base .. 'order', 'list')
    or (defers or plan.waiting > 0) and wrong_type(base .. 'later', 'zset') or nil
end

-- turn returns the new place in order of a task whose hold ends. In a sequential plan it is the
-- next place, but while an undo round is open, a task of the round that it has not reached yet
-- keeps its old place. In other plans the place does not change.
local function turn(ordinal, was)
  if not plan.sequential then
    return was
  end
  local of_round = plan.undo_open and (plan.undo_last == 0 or covered(ordinal + 0))
  if of_round and plan.undo_at >= 0 and tonumber(was) > 0 and tonumber(was) <= plan.undo_at then
    return was
  end
  plan.turns = plan.turns + 1
  released[#released + 1] = ordinal
  return int(plan.turns)
end

-- end_hold ends a hold and returns the value of turn for the head.
local function end_hold(ordinal, claim, was)
  freed[#freed + 1] = claim
  plan.held = plan.held - 1
  return turn(ordinal, was)
end

-- write_holds writes the changes that end_hold has collected.
local function write_holds()
  if #freed > 0 then
    redis.call('HDEL', base .. 'held', unpack(freed))
  end
  if #released > 0 then
    redis.call('RPUSH', base .. 'order', unpack(released))
  end
end

-- Shared: the tasks in flight that no worker holds. Uses plan.
--
-- The index loose has all of them, in order of ordinal within each of seven bands of scores, which
-- begin at multiples of 2000000: RUNNING, ROLLING_BACK, the same two waiting, RUNNING and to start,
-- RUNNING and exempt, exempt and waiting. The index later has those that are waiting, by the time
-- when the wait is over, in three bands: RUNNING from 0, ROLLING_BACK from undos, exempt from
-- -undos. Its members are ordinals of seven digits, so that tasks with the same time are in order.
--
-- plan.waiting counts the tasks that are waiting, plan.next_due is the earliest time, 0 if no task
-- waits. plan.due_stale means that next_due may have to be raised: refresh_due does it.
--
-- plan.starting counts the tasks that are to start, plan.exempt those that are exempt.
-- provides: undos, band_of, count_asked, is_waiting, due_at, unheld, loose, unheld_short,
--   index_unheld, add_unheld, drop_unheld, refresh_due

local undos = 4000000000000000

-- band_of returns the number of a band of loose, from 0.
local function band_of(letter, request, waiting)
  if letter == 'b' then
    return waiting and 3 or 1
  elseif request == '3' then
    return waiting and 6 or 5
  elseif request == '4' then
    return 4
  end
  return waiting and 2 or 0
end

-- count_asked counts a task with this request, which enters the indexes by 1 or leaves them by -1.
local function count_asked(request, by)
  if request == '4' then
    plan.starting = plan.starting + by
  elseif request == '3' then
    plan.exempt = plan.exempt + by
  end
end

-- is_waiting reports whether a task with this word wait is waiting; due_at returns the time when
-- its wait is or was over.
local function is_waiting(wait)
  return find(wait, '^%u') ~= nil
end

local function due_at(wait)
  return sub(wait, 2) + 0
end

-- unheld returns the number of tasks in flight that no worker holds, loose the number of those that
-- are not waiting.
local function unheld()
  return counts.running + counts.rolling_back - plan.held
end

local function loose()
  return unheld() - plan.waiting
end

-- unheld_short reports whether one of the two indexes lacks any task. Claims take these tasks
-- before all others.
local function unheld_short()
  local count = unheld()
  return count > 0 and redis.call('ZCARD', base .. 'loose') < count
    or plan.waiting > 0 and redis.call('ZCARD', base .. 'later') < plan.waiting
end

-- index_unheld writes a task into the indexes. letter is its state, a small letter; request and
-- wait are the words of its head.
local function index_unheld(ordinal, letter, request, wait)
  local waiting = is_waiting(wait)
  if waiting then
    local band = letter == 'b' and undos or request == '3' and -undos or 0
    redis.call('ZADD', base .. 'later', int(due_at(wait) + band), format('%07d', ordinal))
  end
  redis.call('ZADD', base .. 'loose', int(ordinal + 2000000 * band_of(letter, request, waiting)), int(ordinal))
end

-- add_unheld adds a task to the indexes and counts it.
local function add_unheld(ordinal, letter, request, wait)
  index_unheld(ordinal + 0, letter, request, wait)
  count_asked(request, 1)
  if is_waiting(wait) then
    plan.next_due = plan.waiting == 0 and due_at(wait) or math.min(plan.next_due, due_at(wait))
    plan.waiting = plan.waiting + 1
  end
end

-- drop_unheld removes a task from the indexes.
local function drop_unheld(ordinal, request, wait)
  ordinal = ordinal + 0
  count_asked(request, -1)
  redis.call('ZREM', base .. 'loose', int(ordinal))
  if is_waiting(wait) then
    redis.call('ZREM', base .. 'later', format('%07d', ordinal))
    plan.waiting = plan.waiting - 1
    plan.due_stale = plan.due_stale or due_at(wait) <= plan.next_due
  end
end

-- refresh_due finds the earliest time, after all changes.
local function refresh_due()
  if not plan.due_stale then
    return
  end
  plan.due_stale = false
  local earliest = 0
  local first_band, last = plan.exempt > 0 and -undos or 0, counts.rolling_back > 0 and undos or 0
  for low = first_band, plan.waiting > 0 and last or -undos - 1, undos do
    local first = redis.call('ZRANGEBYSCORE', base .. 'later', int(low), int(low + undos - 1), 'WITHSCORES', 'LIMIT', '0', '1')
    local time = first[2] and first[2] - low
    if time and (earliest == 0 or time < earliest) then
      earliest = time
    end
  end
  plan.next_due = earliest
end

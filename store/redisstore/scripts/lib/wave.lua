-- Shared: the waves of a plan. Uses begin, plan.
--
-- The plan's record has two fields with a word for each wave, in order; both are empty in a plan
-- without waves. waves has the bounds, which only commands change: <last ordinal>:<failed tasks
-- tolerated>:<failed tasks acknowledged>. tallies has the counters: <failed tasks>:<tasks that have
-- ended>:<tasks in flight>:<tasks that are ROLLBACK_FAILED>.
--
-- The counters of the open wave are in the facts, and its word in tallies is not kept current.
-- Almost all tasks that change are of the open wave, so most commits need neither of the fields.
-- plan.retallied means that tallies has to be written.
-- provides: elsewhere, open_waves, rebound, tally, exceeds, turn_wave, track_wave_end,
--   format_tallies, at_rest

-- The last ordinals of the waves, the failures that each tolerates, and its counters, once they are
-- needed.
local lasts, tolerated, failures, ends, flights, undo_failures

-- elsewhere reports whether a task is in a wave that is not the open one.
local function elsewhere(ordinal)
  return plan.wave_first > 0 and (ordinal < plan.wave_first or ordinal > plan.wave_last)
end

-- bound reads the bounds of the waves from a value of the field waves.
local function bound(bounds)
  lasts, tolerated = {}, {}
  for last, most in string.gmatch(bounds, '(%d+):(%d+):%d+') do
    lasts[#lasts + 1], tolerated[#lasts + 1] = last + 0, most + 0
  end
end

-- open_waves reads both fields unless they were read before. It returns a problem, if any.
local function open_waves()
  if lasts then
    return
  end
  local r = redis.call('HMGET', record, 'waves', 'tallies')
  bound(r[1] or '')
  failures, ends, flights, undo_failures = {}, {}, {}, {}
  for failed, over, in_flight, undo_failed in string.gmatch(r[2] or '', '(%d+):(%d+):(%d+):(%d+)') do
    local w = #failures + 1
    failures[w], ends[w], flights[w], undo_failures[w] = failed + 0, over + 0, in_flight + 0, undo_failed + 0
  end
  if #lasts == 0 or #lasts ~= #failures or lasts[#lasts] ~= plan.total then
    lasts = nil
    return corrupt(record, 'waves or tallies make no sense')
  end
end

-- rebound takes over the bounds that a command sets, if any of the waves was read. There may be
-- more waves than before.
local function rebound(bounds)
  if not lasts then
    return
  end
  bound(bounds)
  for w = #failures + 1, #lasts do
    failures[w], ends[w], flights[w], undo_failures[w], plan.retallied = 0, 0, 0, 0, true
  end
end

-- wave_of returns the number of the wave of a task.
local function wave_of(ordinal)
  local low, high = 1, #lasts
  while low < high do
    local middle = floor((low + high) / 2)
    if lasts[middle] < ordinal then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

-- tally counts, in its wave, a task that goes from one state to another; both are letters. The
-- counters stay as they are from the command on that cancels the pending tasks. For a task that is
-- elsewhere, open_waves must have succeeded.
local function tally(ordinal, from, to)
  if plan.wave_first == 0 or plan.stop_running == 2 then
    return
  end
  local failed = (to == 'F' and 1 or 0) - (from == 'F' and 1 or 0)
  local over = (ended[to] and 1 or 0) - (ended[from] and 1 or 0)
  local in_flight = (flying[to] and 1 or 0) - (flying[from] and 1 or 0)
  local undo_failed = (to == 'E' and 1 or 0) - (from == 'E' and 1 or 0)
  if not elsewhere(ordinal) then
    plan.wave_failed, plan.wave_ended = plan.wave_failed + failed, plan.wave_ended + over
    plan.wave_in_flight, plan.wave_undo_failed = plan.wave_in_flight + in_flight, plan.wave_undo_failed + undo_failed
  else
    local w = wave_of(ordinal)
    failures[w], ends[w], plan.retallied = failures[w] + failed, ends[w] + over, true
    flights[w], undo_failures[w] = flights[w] + in_flight, undo_failures[w] + undo_failed
  end
end

-- exceeds computes plan.Plan.Exceeds without the failure groups. For a task that is elsewhere,
-- open_waves must have succeeded.
local function exceeds(ordinal)
  if counts.failed > plan.max_failed then
    return true
  elseif not elsewhere(ordinal) then
    return plan.wave_first > 0 and plan.wave_failed > plan.wave_max_failed
  end
  local w = wave_of(ordinal)
  return failures[w] > tolerated[w]
end

-- turn_wave is called with the first and last ordinal that the open wave had before a command. If
-- the command has opened another one, turn_wave exchanges the counters in the facts.
local function turn_wave(first, last)
  if first == plan.wave_first and last == plan.wave_last then
    return
  end
  if last > 0 then
    local w = wave_of(last)
    failures[w], ends[w] = plan.wave_failed, plan.wave_ended
    flights[w], undo_failures[w] = plan.wave_in_flight, plan.wave_undo_failed
  end
  local w = wave_of(plan.wave_last)
  plan.wave_failed, plan.wave_ended, plan.wave_ended_at = failures[w], ends[w], 0
  plan.wave_in_flight, plan.wave_undo_failed = flights[w], undo_failures[w]
  plan.retallied = true
end

-- track_wave_end keeps the time at which the last task of the open wave ended.
local function track_wave_end()
  if wave_left() > 0 or plan.wave_first > 0 and plan.wave_last == 0 then
    plan.wave_ended_at = 0
  elseif plan.wave_ended_at == 0 then
    plan.wave_ended_at = now + 0
  end
end

-- format_tallies returns the value of the field tallies.
local function format_tallies()
  local words = {}
  for w = 1, #failures do
    words[w] = int(failures[w]) .. ':' .. int(ends[w]) .. ':' .. int(flights[w]) .. ':' .. int(undo_failures[w])
  end
  return concat(words, ' ')
end

-- exceeded computes plan.Plan.Exceeded. It reads all waves, if there are any.
local function exceeded()
  if plan.crowded > 0 or counts.failed > plan.max_failed or plan.wave_last > 0 and plan.wave_failed > plan.wave_max_failed then
    return true
  elseif plan.wave_first == 0 or open_waves() then
    return false
  end
  local open = plan.wave_last > 0 and wave_of(plan.wave_last)
  for w = 1, #lasts do
    if w ~= open and failures[w] > tolerated[w] then
      return true
    end
  end
  return false
end

-- recovered computes, for a failed plan, whether it is to be completed.
local function recovered()
  local c = counts
  return c.pending + c.running + c.paused + c.rolling_back + c.rolled_back + c.rollback_failed == 0 and c.completed > 0
    and not exceeded()
end

-- at_rest computes plan.Plan.AtRest from rules and facts.
local function at_rest()
  if counts.running + counts.rolling_back > 0 or plan.resting == '0' then
    return false
  elseif plan.resting == '2' then
    return true
  elseif plan.resting == '6' then
    return not recovered()
  elseif plan.resting == '3' then
    return counts.paused == 0
  elseif plan.breached == 1 or plan.crowded > 0 or counts.failed > plan.max_failed then
    return false
  end
  return plan.resting == '4'
    or counts.paused > 0 and counts.pending == plan.beyond and (plan.resting == '1' or wave_left() > 0)
end

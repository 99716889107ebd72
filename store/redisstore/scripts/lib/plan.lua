-- Shared: the plan record and what every script derives from it. Uses begin.
--
-- A script returns one string: "=" and its answer, or "!" and a problem: "!notfound",
-- "!conflict why", "!corrupt <n>:<key of n bytes>why".

-- provides: plan, counts, corrupt, wrong_type, int, length, sized, names, counter, ended,
--   flying, format_facts, parse_facts, parse_rules, missing, set_record, parse_record, load,
--   snapshot, covered, stop_running_task, wave_left

-- plan holds what is known of the plan: version, rules and facts as they are stored, the fields of
-- rules and facts by their names (docs/redis.md), and what a script finds out while it runs. All
-- fields are named here, so that the table has its final size from the beginning.
local plan = {
  version = false, rules = false, facts = false,
  -- rules
  state = 0, claims = 0, stop_running = 0, stop_undo = '0', resting = '0', undo_open = false,
  sequential = false, over = false, open = 0, max_slots = 0, max_failed = 0, max_same = 0, strict = false,
  round = '0', not_before = 0, not_after = 0, wave_first = 0, wave_last = 0, wave_max_failed = 0, beyond = 0,
  undo_first = 0, undo_last = 0,
  -- facts; total is the sum of all counts
  total = 0, held = 0, breached = 0, dry = 0, next_pending = 0, last_event = 0, undo_at = 0, ahead = '0', reached = 0,
  first_event = 0, turns = 0, waiting = 0, next_due = 0, wave_failed = 0, wave_ended = 0, wave_ended_at = 0,
  wave_in_flight = 0, wave_undo_failed = 0, starting = 0, exempt = 0, crowded = 0,
  -- lib/claim.lua
  budget = 0, floor = 0, limit = 0, fresh = false, fresh_head = false, exhausted = false, damaged = false,
  unindexed = false, free = 0,
  -- lib/unheld.lua
  due_stale = false,
  -- lib/wave.lua
  retallied = false,
  -- lib/group.lua
  regrouped = false,
}

-- counts are the numbers of tasks by state.
local counts = {
  pending = 0, running = 0, paused = 0, completed = 0, failed = 0, skipped = 0, canceled = 0, rolling_back = 0,
  rolled_back = 0, rollback_failed = 0,
}

local function corrupt(key, why)
  return '!corrupt ' .. #key .. ':' .. key .. why
end

-- wrong_type returns a problem if the key has a type other than want.
local function wrong_type(key, want)
  local got = redis.call('TYPE', key).ok
  if got ~= want and got ~= 'none' then
    return corrupt(key, 'a ' .. got .. ' in place of a ' .. want)
  end
end

-- int returns a whole number as a string; Lua's own conversion is several times slower.
local function int(v)
  return format('%d', v)
end

-- length returns the encoded length of a string that follows: a byte, or 255 and four bytes.
local function length(size)
  if size < 255 then
    return char(size)
  end
  return char(255, floor(size / 16777216), floor(size / 65536) % 256, floor(size / 256) % 256, size % 256)
end

-- sized puts the length of a string before it, so that other strings can follow.
local function sized(s)
  return length(#s) .. s
end

-- States of tasks by their letters. A small r or b is RUNNING or ROLLING_BACK without a worker.
local names = {
  P = 'PENDING', R = 'RUNNING', r = 'RUNNING', Z = 'PAUSED', C = 'COMPLETED', F = 'FAILED',
  S = 'SKIPPED', X = 'CANCELLED', B = 'ROLLING_BACK', b = 'ROLLING_BACK', D = 'ROLLED_BACK', E = 'ROLLBACK_FAILED',
}
-- counter maps the letter of a state to its field in counts.
local counter = {
  P = 'pending', R = 'running', r = 'running', Z = 'paused', C = 'completed', F = 'failed', S = 'skipped', X = 'canceled',
  B = 'rolling_back', b = 'rolling_back', D = 'rolled_back', E = 'rollback_failed',
}
local ended = { C = true, F = true, S = true, X = true, D = true, E = true }
local flying = { R = true, r = true, B = true, b = true }

local facts_pattern = '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) '
  .. '(%d+) (%d) (%d) (%d+) (%d+) (%-?%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$'

local function parse_facts(s)
  local pending, running, paused, completed, failed, skipped, canceled, rolling_back, rolled_back, rollback_failed,
    held, breached, dry, next_pending, last_event, undo_at, ahead, reached, first_event, turns, waiting, next_due,
    wave_failed, wave_ended, wave_ended_at, wave_in_flight, wave_undo_failed, starting, exempt, crowded = match(s or '', facts_pattern)
  if not pending then
    return false
  end
  local c = counts
  c.pending, c.running, c.paused, c.completed, c.failed = pending + 0, running + 0, paused + 0, completed + 0, failed + 0
  c.skipped, c.canceled, c.rolling_back = skipped + 0, canceled + 0, rolling_back + 0
  c.rolled_back, c.rollback_failed = rolled_back + 0, rollback_failed + 0
  plan.total = c.pending + c.running + c.paused + c.completed + c.failed + c.skipped + c.canceled + c.rolling_back
    + c.rolled_back + c.rollback_failed
  plan.held, plan.breached, plan.dry, plan.next_pending = held + 0, breached + 0, dry + 0, next_pending + 0
  plan.last_event, plan.undo_at, plan.ahead, plan.reached = last_event + 0, undo_at + 0, ahead, reached + 0
  plan.first_event, plan.turns, plan.waiting, plan.next_due = first_event + 0, turns + 0, waiting + 0, next_due + 0
  plan.wave_failed, plan.wave_ended, plan.wave_ended_at = wave_failed + 0, wave_ended + 0, wave_ended_at + 0
  plan.wave_in_flight, plan.wave_undo_failed = wave_in_flight + 0, wave_undo_failed + 0
  plan.starting, plan.exempt, plan.crowded = starting + 0, exempt + 0, crowded + 0
  return true
end

local function format_facts()
  local c = counts
  return format('%d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %s %d %d %d %d %d %d %d %d %d %d %d %d %d',
    c.pending, c.running, c.paused, c.completed, c.failed, c.skipped, c.canceled, c.rolling_back, c.rolled_back, c.rollback_failed,
    plan.held, plan.breached, plan.dry, plan.next_pending, plan.last_event, plan.undo_at, plan.ahead,
    math.max(plan.reached, plan.next_pending), plan.first_event, plan.turns, plan.waiting, plan.next_due,
    plan.wave_failed, plan.wave_ended, plan.wave_ended_at, plan.wave_in_flight, plan.wave_undo_failed,
    plan.starting, plan.exempt, plan.crowded)
end

local rules_pattern = '^(%d+) (%d) (%d) (%d) (%d) (%d) (%d) (%d) (%d+) (%d+) (%d+) (%d+) (%d) (%d+) '
  .. '(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$'

local function parse_rules(s)
  local state, claims, stop_running, stop_undo, resting, undo_open, sequential, over, open, max_slots, max_failed,
    max_same, strict, round, not_before, not_after, wave_first, wave_last, wave_max_failed, beyond,
    undo_first, undo_last = match(s or '', rules_pattern)
  if not state then
    return false
  end
  plan.state, plan.claims, plan.stop_running = state + 0, claims + 0, stop_running + 0
  plan.stop_undo, plan.resting, plan.undo_open, plan.sequential = stop_undo, resting, undo_open == '1', sequential == '1'
  plan.over, plan.open, plan.max_slots, plan.max_failed, plan.round = over == '1', open + 0, max_slots + 0, max_failed + 0, round
  plan.max_same, plan.strict, plan.not_before, plan.not_after = max_same + 0, strict == '1', not_before + 0, not_after + 0
  plan.wave_first, plan.wave_last, plan.wave_max_failed, plan.beyond = wave_first + 0, wave_last + 0, wave_max_failed + 0, beyond + 0
  plan.undo_first, plan.undo_last = undo_first + 0, undo_last + 0
  return true
end

-- missing distinguishes a plan that does not exist from one whose record was lost.
local function missing()
  if redis.call('EXISTS', record, base .. 'n:0') > 0 then
    return corrupt(record, 'the record is missing, or its stage')
  end
  return '!notfound'
end

-- set_record stores the record's fields version, rules and facts in plan, as they are.
local function set_record(stage, v, r, f)
  if stage ~= 'ready' then
    return stage and '!notfound' or missing()
  end
  if not v or not r or not f then
    return corrupt(record, 'version, rules or facts are missing')
  end
  plan.version, plan.rules, plan.facts = v, r, f
end

-- parse_record parses rules and facts.
local function parse_record()
  if not plan.version or not parse_facts(plan.facts) or not parse_rules(plan.rules) then
    return corrupt(record, 'version, rules or facts make no sense')
  end
end

-- load reads the record and calls set_record and parse_record, for scripts that need no other field
-- of the record.
local function load()
  local r = redis.pcall('HMGET', record, 'stage', 'version', 'rules', 'facts')
  if r.err then
    return corrupt(record, r.err)
  end
  return set_record(r[1], r[2], r[3], r[4]) or parse_record()
end

-- snapshot frames the whole plan for a reader, after a flag.
local function snapshot(flag)
  local r = redis.call('HMGET', record, 'spec', 'control', 'waves', 'tallies', 'created', 'changed', 'groups')
  for i = 1, 7 do
    if not r[i] then
      return corrupt(record, 'spec, control, waves, tallies, created, changed or groups is missing')
    end
  end
  return '=' .. flag .. plan.version .. '|' .. plan.rules .. '|' .. plan.facts .. '|' .. r[5] .. '|' .. r[6] .. '|' .. now .. '|'
    .. sized(r[1]) .. sized(r[2]) .. sized(r[3]) .. sized(r[4]) .. sized(r[7])
end

-- covered computes plan.Undo.Covers: whether a task is of the wave that is being undone.
local function covered(ordinal)
  return plan.undo_first <= ordinal and ordinal <= plan.undo_last
end

-- stop_running_task returns the stop in force for a running task with this request, as a digit.
local function stop_running_task(request, ordinal)
  if covered(ordinal) then
    return '2'
  end
  if request == '3' or request == '4' then -- it only bears on the pause of the plan
    return request == '3' and plan.stop_running == 1 and '0' or int(plan.stop_running)
  end
  return plan.stop_running > request + 0 and int(plan.stop_running) or request
end

-- wave_left computes plan.Plan.WaveLeft: how many tasks of the open wave have not ended, or of a
-- plan without waves.
local function wave_left()
  if plan.wave_first > 0 then
    return plan.wave_last - plan.wave_first + 1 - plan.wave_ended
  end
  local c = counts
  return c.pending + c.running + c.paused + c.rolling_back
end

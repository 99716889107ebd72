-- use: begin, plan, wave, group, head, task, event, history, hold, past, unheld, undo
--
-- Commits a decision on a plan and its tasks, completely or not at all.
--
-- KEYS[1] the plan's record
-- ARGV[1] command id
-- ARGV[2] the plan's version that the decision is based on
-- ARGV[3] the number of failed tasks that the decision is based on, -1: any
-- ARGV[4] number of events to keep, 0: all   ARGV[5] number of command ids to keep
-- ARGV[6] control                            ARGV[7] rules
-- ARGV[8] 1 if the plan changed its state    ARGV[9] 1 if the plan is breached
-- ARGV[10] number of edits                   ARGV[11] number of events
-- ARGV[12] new floor of tokens               ARGV[13] new limit of tokens; 0: unchanged
-- ARGV[14] bounds of the waves, as in lib/wave.lua
-- ARGV[15] number of tasks: more than before if tenants were added
-- ARGV[16] the addition under way: its token SP the last ordinal; if it was given up, with a "-" in
--   front; or empty
-- ARGV[17] 1 if the command acknowledges the failures of all groups
-- then per edit: ordinal, version, state, request, attempt, alone, losses, retried,
--   failure as it is stored or empty, after it the attempts if they change: an LF and they as they
--   are stored; three digits: release, drop checkpoint, drop undo log; wait
--   as in lib/head.lua, elapsed
-- then the line of each event
--
-- Returns the same as plan.lua, but "=" is followed by 1 if commit.lua has to be called to continue
-- the undo round, 2 if the command was applied before, otherwise 0. Returns "=3" if the indexes
-- have to be rebuilt: then nothing was written, and the call has to be repeated.

local problem = load()
if problem then
  return problem
end
problem = checked() or wrong_type(base .. 'commands', 'list') or wrong_type(base .. 'history', 'stream')
if problem then
  return problem
end
if redis.call('LPOS', base .. 'commands', ARGV[1]) then
  return snapshot('2')
end
local before, problem = history_length()
if problem then
  return problem
end
if ARGV[2] ~= plan.version then
  -- Each command raises the version, so the version shows how many ids there must be.
  if redis.call('LLEN', base .. 'commands') < math.min(plan.version - 1, ARGV[5] + 0) then
    return corrupt(base .. 'commands', 'ids of commands are missing: this one may have been applied')
  end
  return '!conflict the plan is at version ' .. plan.version .. ', not ' .. ARGV[2]
end
if tonumber(ARGV[3]) >= 0 and tonumber(ARGV[3]) ~= counts.failed then
  return '!conflict the plan has ' .. counts.failed .. ' failed tasks, not ' .. ARGV[3]
end

local limit, edits = tonumber(ARGV[4]), tonumber(ARGV[10])

-- rules_to_same finds the failures with one code and step that the new rules tolerate no more.
local rules_to_same = '^%d+ %d %d %d %d %d %d %d %d+ %d+ %d+ (%d+) '

-- untouched is the head that a task without a stored head is treated as having.
local untouched = 'P0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0'
-- old are the parsed heads of the edited tasks; early are the tasks among them that are touched
-- before their turn.
local old, early = {}, {}
local waiting = false -- one of them is waiting
local distant = false -- one of them is in a wave that is not open
local regroups = ARGV[17] == '1' or match(ARGV[7], rules_to_same) + 0 ~= plan.max_same -- they are needed

-- failure_of returns the stored failure of a task, a text that is malformed if there is none.
local function failure_of(ordinal)
  local b, f = at(ordinal)
  local failure = redis.pcall('HGET', bucket(b), field_names[f + 1] .. 'f')
  return type(failure) == 'string' and failure or 'none'
end

for e = 0, edits - 1 do
  local ordinal = tonumber(ARGV[18 + e * 12])
  if ordinal < 1 or ordinal > plan.total then
    return '!notfound'
  end
  local h = head(ordinal)
  if plan.damaged then
    return plan.damaged
  end
  if not h then
    local b, f = at(ordinal)
    local key = base .. 'n:' .. b
    local tenant = redis.pcall('LINDEX', key, f)
    problem = attach_labels(b, { { ordinal, false, true, type(tenant) == 'string' and tenant } })
    if problem then
      return problem
    end
    early[#early + 1] = { key, f, byte(tenant) == 49 and '3' or '2', sub(tenant, 2) }
  end
  h = h or untouched
  local t = parse_head(h)
  if not t or not counter[t.state] then
    return corrupt_head(ordinal)
  end
  if t.version ~= ARGV[19 + e * 12] then
    return '!conflict task ' .. ordinal .. ' is at version ' .. t.version .. ', not ' .. ARGV[19 + e * 12]
  end
  if t.state == 'F' then
    t.group = groups().key(has(t.kept, 4) and failure_of(ordinal) or '')
    if not t.group then
      return corrupt(bucket((at(ordinal))), 'the failure of task ' .. ordinal .. ' is missing or makes no sense')
    end
  end
  regroups = regroups or t.state == 'F' or ARGV[20 + e * 12] == 'F'
  old[e], waiting, distant = t, waiting or is_waiting(t.wait), distant or elsewhere(ordinal)
end
-- The rules tell which wave is open after the command.
local wave_first, wave_last = plan.wave_first, plan.wave_last
local first_then, last_then = match(ARGV[7], '(%d+) (%d+) %d+ %d+ %d+ %d+$')
local growth = ARGV[15] - plan.total
-- In a failed plan, the waves tell whether it is at rest.
local failed_plan = wave_first > 0 and find(ARGV[7], '^%d+ %d %d %d 6') ~= nil
problem = (distant or failed_plan or growth ~= 0 and wave_first > 0 or first_then + 0 ~= wave_first or last_then + 0 ~= wave_last) and open_waves()
  or regroups and groups().open()
if problem then
  return problem
end
local addition = redis.call('HMGET', record, 'adding', 'have')
if not addition[1] or not tonumber(addition[2]) then
  return corrupt(record, 'adding or have is missing')
elseif growth ~= 0 and (addition[1] == '' or addition[2] ~= ARGV[15]) then
  return '!conflict tenants are stored up to ' .. addition[2] .. ', not ' .. ARGV[15]
end
if waiting and unheld_short() then -- the earliest wait that is left could not be found
  return '=3'
end

if ARGV[13] ~= '0' then
  problem = open_tokens(redis.call('HGET', record, 'tokens'), ARGV[12] + 0, ARGV[13] + 0)
  if problem then
    return problem
  end
end

-- edit writes one edit. If it made the task fail, edit returns its ordinal and its group.
local function edit(t, ordinal, to, req, attempt, alone, losses, retried, given, flags, wait, elapsed)
  local s = t.state
  local failure, tried = match(given, '^([^\n]*)\n?(.*)$')
  local from = shown(s)
  local flying = to == 'R' or to == 'B'
  t.state = to
  if s == 'r' or s == 'b' then
    drop_unheld(ordinal, t.request, t.wait)
  elseif s == 'R' or s == 'B' then
    if not flying or sub(flags, 1, 1) == '1' then
      t.turn = end_hold(ordinal, t.claim, t.turn)
      t.claim = ''
    end
  end
  if flying and t.claim == '' then
    t.state = to == 'R' and 'r' or 'b'
    add_unheld(ordinal, t.state, req, wait)
  end
  if names[from] ~= names[to] then
    counts[counter[from]], counts[counter[to]] = counts[counter[from]] - 1, counts[counter[to]] + 1
    tally(ordinal, from, to)
    if ended[to] then
      t.ended = now
    end
  end
  local group = to == 'F' and groups().key(failure) or nil
  if group ~= t.group then
    if t.group then
      groups().leave(t.group)
    end
    if group then
      groups().join(group)
    end
  end
  if to == 'P' then
    plan.next_pending = math.min(plan.next_pending, ordinal)
  end
  local b, f = at(ordinal)
  if tried ~= '' then
    t.kept = with(t.kept, 8)
    redis.call('HSET', bucket(b), f .. 'a', tried)
  end
  if failure ~= '' then
    t.kept = with(t.kept, 4)
    redis.call('HSET', bucket(b), f .. 'f', failure)
  else
    t.kept = without(t.kept, 4)
    redis.call('HDEL', bucket(b), f .. 'f')
  end
  if sub(flags, 2, 2) == '1' then
    t.kept = without(t.kept, 1)
    redis.call('HDEL', bucket(b), f .. 'c')
  end
  if sub(flags, 3, 3) == '1' then
    t.kept = without(t.kept, 2)
    redis.call('HDEL', bucket(b), f .. 'u')
  end
  t.version, t.request, t.attempt, t.alone, t.losses, t.retried = int(t.version + 1), req, attempt, alone, losses, retried
  t.wait, t.elapsed = wait, elapsed
  redis.call('HSET', bucket(b), f, format_head(t))
  return names[from] ~= 'FAILED' and group and { ordinal, group } or nil
end

redis.call('UNLINK', base .. '-') -- allowed on a full server, and after it all other writes
for _, t in ipairs(early) do
  redis.call('LSET', t[1], t[2], t[3] .. t[4])
  plan.ahead = plan.ahead == '2' and '2' or '1'
end
local raised = {}
for e = 0, edits - 1 do
  local a = 18 + e * 12
  raised[#raised + 1] = edit(old[e], tonumber(ARGV[a]), ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5], ARGV[a + 6], ARGV[a + 7],
    ARGV[a + 8], ARGV[a + 9], ARGV[a + 10], ARGV[a + 11])
end
write_holds()

counts.pending, plan.total = counts.pending + growth, plan.total + growth
local canceled, turned = plan.stop_running == 2, plan.round
plan.version = tostring(tonumber(plan.version) + 1)
plan.rules = ARGV[7]
parse_rules(plan.rules)
rebound(ARGV[14])
turn_wave(wave_first, wave_last)
if plan.stop_running == 2 and not canceled then
  counts.canceled, counts.pending = counts.canceled + counts.pending, 0
end
if ARGV[8] == '1' then
  plan.breached = tonumber(ARGV[9])
else
  plan.breached = math.max(plan.breached, tonumber(ARGV[9]))
end
if regroups then
  groups().judge(ARGV[17] == '1')
end
for _, t in ipairs(raised) do
  if plan.state == 1 and (exceeds(t[1]) or groups().exceeds(t[2])) then
    plan.breached = 1
  end
end
if plan.round ~= turned then
  plan.undo_at, plan.dry = -1, 0
end
seek_last()
track_wave_end()
local first = 18 + edits * 12
for e = first, first + tonumber(ARGV[11]) - 1 do
  events[#events + 1] = ARGV[e]
end
if #events > 0 then
  log(limit)
  append_history(before)
end
refresh_due()
plan.facts = format_facts()
redis.call('HSET', record, 'version', plan.version, 'control', ARGV[6], 'rules', plan.rules, 'facts', plan.facts, 'changed', now,
  'waves', ARGV[14])
if plan.retallied then
  redis.call('HSET', record, 'tallies', format_tallies())
end
if plan.regrouped then
  redis.call('HSET', record, 'groups', groups().format())
end
if addition[1] ~= ARGV[16] then
  redis.call('HSET', record, 'adding', ARGV[16], 'tasks', ARGV[15])
  if ARGV[16] ~= '' and match(addition[1], '%d+') ~= match(ARGV[16], '%d+') then -- another addition
    redis.call('HSET', record, 'have', ARGV[15])
  end
end
if #freed > 0 then
  redis.call('HSET', record, 'past', remember(redis.call('HGET', record, 'past') or '', freed))
end
redis.call('LPUSH', base .. 'commands', ARGV[1])
redis.call('LTRIM', base .. 'commands', 0, tonumber(ARGV[5]) - 1)
return snapshot(plan.undo_open and plan.dry == 0 and plan.undo_at > 0 and plan.budget <= 0 and '1' or '0')

-- Shared: the assignment of tasks to claims, and the undo round. Uses plan, wave, group, head,
-- task, event, unheld.
-- provides: heads, head, open_tokens, seek_last, pending_open, claims_started, claims_exempt,
--   starts, claims_undos, gather, claimed

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
    if not h then
      plan.damaged = ordinal and missing_head(ordinal) or corrupt(order, 'entry ' .. int(plan.undo_at) .. ' is missing')
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

-- admitted returns how many pending tasks may begin now as far as the failures, of the plan, of its
-- open wave and of its groups, decide: 0 or less if none may, at most all that are pending in the
-- open wave and before it.
local function admitted()
  if plan.crowded > 0 then
    return 0
  end
  local pending, spare = counts.pending - plan.beyond, plan.max_failed - counts.failed
  if plan.wave_last > 0 then
    spare = math.min(spare, plan.wave_max_failed - plan.wave_failed)
  end
  if plan.strict then
    return math.min(pending, spare + 1 - counts.running - counts.rolling_back)
  end
  return spare < 0 and 0 or pending
end

-- pending_open reports whether the grant permits pending tasks to be claimed.
local function pending_open()
  return plan.breached == 0 and plan.stop_running < 2 and plan.not_before <= now + 0
    and (plan.not_after == 0 or now + 0 < plan.not_after)
    and admitted() > 0 and plan.next_pending <= math.min(plan.open, plan.total)
end

-- claims_started reports whether running tasks that have started are claimed, claims_exempt whether
-- there are exempt ones that are, starts whether there are some to start that are.
local function claims_started()
  return plan.claims == 1 or plan.claims == 2
end

local function claims_exempt()
  return plan.claims > 0 and plan.exempt > 0
end

local function starts()
  return plan.claims == 1 and plan.breached == 0 and plan.starting > 0
end

-- claims_undos reports whether there are undos in flight that claims take: not while they are being
-- stopped.
local function claims_undos()
  return counts.rolling_back > 0 and plan.stop_undo == '0'
end

-- admit reads the strings of a task and appends the task to the pool. It sets plan.damaged and
-- appends nothing if the task is damaged, so that a damaged task is not assigned to any claim.
local function admit(ordinal, h, pool)
  local t = described(ordinal, h, false, false)
  plan.damaged = complete_from_store((at(ordinal)), { t })
  if not plan.damaged and sub(h, 1, 1) == 'F' and not groups().key(t[8]) then
    plan.damaged = corrupt(bucket((at(ordinal))), 'the failure of task ' .. int(ordinal) .. ' makes no sense')
  end
  if not plan.damaged then
    pool[#pool + 1] = t
    return true
  end
end

-- member_head returns the ordinal, the head and the parsed head of a member of an index of tasks
-- that no worker holds. If the task does not belong there, because it belongs into another band of
-- loose, member_head removes the member and returns nothing. It also returns nothing if the task is
-- damaged.
local function member_head(key, member, band)
  local ordinal = tonumber(member)
  local h = ordinal and head(ordinal)
  if plan.damaged then
    return
  end
  local letter = h and sub(h, 1, 1)
  if letter == 'r' or letter == 'b' then
    local t = parse_head(h)
    if not t then
      plan.damaged = corrupt_head(ordinal)
      return
    elseif band_of(letter, t.request, is_waiting(t.wait)) == band then
      return ordinal, h, t
    end
  end
  redis.call('ZREM', key, member)
  plan.unindexed = '1'
end

-- due_before orders tasks that are waiting by the time when the wait is over. Among those with the
-- same time exempt ones come first, then undos, and tasks with lower ordinals among those of one
-- kind.
local function due_before(a, b)
  if a[2] ~= b[2] then
    return a[2] < b[2]
  end
  return a[3] > b[3] or a[3] == b[3] and a[1] < b[1]
end

-- gather_due appends tasks whose wait is over to the pool, the earliest first, at most most. They
-- have their slots already.
local function gather_due(most, pool)
  local key, list = base .. 'later', {}
  local first = plan.claims == 0 and undos or claims_exempt() and -undos or 0
  for low = first, claims_undos() and undos or 0, undos do
    local from = #list
    local members = {}
    if low ~= 0 or plan.claims ~= 3 then
      members = redis.call('ZRANGEBYSCORE', key, int(low), int(low + now), 'WITHSCORES', 'LIMIT', '0', int(most))
    end
    for i = 1, #members, 2 do
      list[#list + 1] = { members[i], members[i + 1] - low, low > 0 and 3 or low < 0 and 6 or 2 }
    end
    if from > 0 and #list > from then
      table.sort(list, due_before)
    end
  end
  for i = 1, math.min(most, #list) do
    local ordinal, h = member_head(key, list[i][1], list[i][3])
    if plan.damaged or ordinal and (spent(h) or not admit(ordinal, h, pool)) then
      return
    end
  end
end

-- begin_wait makes a task take its slot and wait on: it was paused while it was waiting.
local function begin_wait(ordinal, t)
  plan.damaged = plan.waiting == 0 and wrong_type(base .. 'later', 'zset')
  if plan.damaged then
    return
  end
  count_asked(t.request, -1)
  t.request = t.request == '4' and '0' or t.request -- it has started
  plan.free, plan.budget = plan.free - 1, plan.budget - 1
  t.wait, t.version = string.upper(t.wait), int(t.version + 1)
  add_unheld(ordinal, t.state, t.request, t.wait)
  local b, f = at(ordinal)
  redis.call('HSET', bucket(b), field_names[f + 1], format_head(t))
end

-- gather_loose appends tasks to the pool, at most most, from a band of loose, of tasks in flight
-- that neither a worker holds nor are waiting: undos from the last ordinal down, others from the
-- first. Those whose wait is not over it makes wait on.
local function gather_loose(most, band, pool)
  local key, taken, further = base .. 'loose', 0, not plan.damaged
  local low, high = int(2000000 * band + 1), int(2000000 * band + 1000000)
  while further and plan.budget > 0 and plan.free > 0 and #pool < most do
    further = false
    local count, members = math.min(most - #pool, plan.free), nil
    if band == 1 then
      members = redis.call('ZRANGE', key, high, low, 'BYSCORE', 'REV', 'LIMIT', int(taken), int(count))
    else
      members = redis.call('ZRANGEBYSCORE', key, low, high, 'LIMIT', int(taken), int(count))
    end
    for _, member in ipairs(members) do
      local ordinal, h, t = member_head(key, member, band)
      if ordinal and t.wait ~= '0' and due_at(t.wait) > now + 0 then
        begin_wait(ordinal, t)
        further = true
      elseif ordinal and not spent(h) and admit(ordinal, h, pool) then
        taken, plan.free = taken + 1, plan.free - 1
      elseif ordinal then
        return
      end
      if plan.damaged then
        return
      end
    end
  end
end

-- gather_pending appends up to want pending tasks to the pool and advances next_pending. It stops
-- at a damaged task.
local function gather_pending(want, pool)
  local last = math.min(plan.open, plan.total)
  while want > 0 and plan.budget > 0 and plan.next_pending <= last do
    local b, f = at(plan.next_pending)
    local count = math.min(want, 64 - f, last - plan.next_pending + 1, plan.budget)
    local got, tenants = heads(b, f, count), redis.pcall('LRANGE', base .. 'n:' .. int(b), int(f), int(f + count - 1))
    if not got or tenants.err or #tenants < count then
      plan.damaged = plan.damaged or corrupt(base .. 'n:' .. int(b), tenants.err or 'tenants are missing')
      return
    end
    local next, list, touched = plan.next_pending, {}, false
    for i = 1, count do
      local h = got[i]
      if not h or sub(h, 1, 1) == 'P' then
        if h and not parse_head(h) then
          plan.damaged = corrupt_head(next)
          break
        end
        list[#list + 1] = { next, h, not h, tenants[i], false, '', '', '' } -- as described returns it
        touched = touched or h
      end
      next = next + 1
    end
    local problem, whole = (touched and complete or attach_labels)(b, list)
    if problem then
      plan.damaged, next = problem, list[whole + 1][1]
    end
    for i = 1, whole do
      pool[#pool + 1] = list[i]
    end
    want = want - whole
    plan.next_pending = next
    plan.budget = plan.budget - count
    if plan.damaged then
      return
    end
  end
end

-- gather returns at most want tasks to claim next, in the order that package store prescribes.
local function gather(want)
  local pool, due = {}, plan.waiting > 0 and plan.next_due <= now + 0
  plan.free = plan.max_slots - plan.held - plan.waiting
  if plan.free <= 0 and not due then
    return pool
  end
  if plan.fresh > plan.limit then
    plan.exhausted = true
    return pool
  end
  if due then
    gather_due(want, pool)
  end
  if loose() > 0 then
    if claims_exempt() then
      gather_loose(want, 5, pool)
    end
    if claims_started() then
      gather_loose(want, 0, pool)
    end
    if starts() then
      gather_loose(want, 4, pool)
    end
    if claims_undos() then
      gather_loose(want, 1, pool)
    end
  end
  want = math.min(want, #pool + plan.free)
  local undos = #pool
  while not plan.damaged and not plan.exhausted and #pool < want do
    local ordinal, h = seek()
    if not ordinal or spent(h) or not admit(ordinal, h, pool) then
      break
    end
    plan.undo_at = plan.undo_at - 1
  end
  undos = plan.strict and #pool - undos or 0 -- they are in flight before the pending tasks
  if not plan.damaged and not plan.exhausted and #pool < want and pending_open() then
    gather_pending(math.min(want - #pool, admitted() - undos), pool)
  end
  return pool
end

-- claimed assigns a task to a worker under a claim: it updates the counters, appends an event if
-- the state of the task changes, and returns the new head. ordinal is a string; failure is the
-- stored failure of the task.
local function claimed(ordinal, h, claim, worker, failure)
  plan.held = plan.held + 1
  if not h then
    counts.pending, counts.running = counts.pending - 1, counts.running + 1
    if plan.wave_first > 0 then -- as tally does; it is of the open wave
      plan.wave_in_flight = plan.wave_in_flight + 1
    end
    events[#events + 1] = ordinal .. '\tPENDING\tRUNNING\t1\tclaim\t'
    plan.fresh_head = plan.fresh_head or 'R0 ' .. int(plan.fresh) .. ' 0 0 0 ' .. now .. ' 0 2 1 0 ' .. now .. ' 0 0 0 0 0 '
    return plan.fresh_head .. claim .. ' ' .. worker
  end
  local t = parse_head(h)
  local s = t.state
  if t.seq ~= '0' then
    t.previous = t.token .. '/' .. t.seq
  end
  t.state = s == 'r' and 'R' or 'B'
  if s == 'P' then
    t.state, t.attempt, t.started = 'R', '1', now
    counts.pending, counts.running = counts.pending - 1, counts.running + 1
    tally(ordinal + 0, 'P', 'R')
    event(ordinal, 'PENDING', 'RUNNING', t.attempt, 'claim', '')
  elseif s ~= 'r' and s ~= 'b' then
    t.alone, t.losses, t.elapsed, t.wait = '0', '0', '0', '0'
    counts[counter[s]], counts.rolling_back = counts[counter[s]] - 1, counts.rolling_back + 1
    tally(ordinal + 0, s, 'B')
    if s == 'F' then
      groups().leave(groups().key(failure))
    end
    event(ordinal, names[s], 'ROLLING_BACK', t.attempt, 'rollback', '')
  else
    drop_unheld(ordinal, t.request, t.wait)
    t.wait, t.request = string.lower(t.wait), t.request == '4' and '0' or t.request
  end
  t.token, t.seq, t.version = int(math.max(t.token + 1, plan.fresh)), '0', int(t.version + 1)
  t.claim, t.worker = claim, worker
  return format_head(t)
end

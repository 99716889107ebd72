-- Shared: the assignment of tasks to claims. Uses plan, wave, group, head, task, event, unheld,
-- undo, pending.
-- provides: claims_started, claims_exempt, starts, claims_undos, gather, claimed

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

-- gather returns at most want tasks to claim next, in the order that package store prescribes.
-- chosen are the pending tasks among them, false for any.
local function gather(want, chosen)
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
    local count = math.min(want - #pool, admitted() - undos)
    if chosen then
      gather_chosen(count, chosen, pool)
    else
      gather_pending(count, pool)
    end
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

-- Shared: which pending tasks claims get. Uses plan, wave, head, task, undo.
-- provides: admitted, pending_open, gather_pending, gather_chosen

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

-- admit_chosen appends a pending task to the pool that a claim has chosen; h is its head, if any. A
-- task that is reached before its turn is marked, like one that a command touches.
local function admit_chosen(ordinal, h, pool)
  local b, f = at(ordinal)
  local key = base .. 'n:' .. int(b)
  local tenant = redis.pcall('LINDEX', key, int(f))
  local t = described(ordinal, h, not h, type(tenant) == 'string' and tenant)
  plan.damaged = h and not parse_head(h) and corrupt_head(ordinal) or (h and complete or attach_labels)(b, { t })
  if plan.damaged then
    return
  end
  local ahead = byte(tenant) >= 50
  if not h and not ahead and ordinal >= plan.next_pending then
    redis.call('LSET', key, int(f), char(byte(tenant) + 2) .. t[4])
    ahead = true
  end
  if ahead then
    plan.ahead = '2'
  end
  pool[#pool + 1] = t
end

-- gather_chosen appends up to want pending tasks with the ordinals that chosen names to the pool.
-- It goes on past damaged tasks, so that these stop no neighbour; plan.passed is the first problem.
local function gather_chosen(want, chosen, pool)
  local last, seen = math.min(plan.open, plan.total), {}
  for word in string.gmatch(chosen, '%d+') do
    local ordinal = word + 0
    if want <= 0 then
      return
    end
    if ordinal <= last and not seen[ordinal] then
      seen[ordinal] = true
      local h = head(ordinal)
      if not plan.damaged and (not h or sub(h, 1, 1) == 'P') then
        admit_chosen(ordinal, h, pool)
        want = plan.damaged and want or want - 1
      end
      plan.passed, plan.damaged = plan.passed or plan.damaged, nil
    end
  end
end

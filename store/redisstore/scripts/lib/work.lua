-- Shared: changes by the workers that hold tasks. Uses plan, wave, group, head, task, event, hold,
-- unheld.
-- provides: stop, apply_change, quick_end

-- stop returns the stop request in force for a task in flight, as a digit.
local function stop(letter, req, ordinal)
  if letter == 'R' or letter == 'r' then
    return stop_running_task(req, ordinal)
  elseif letter == 'B' or letter == 'b' then
    return plan.stop_undo
  end
  return '0'
end

-- outcome returns the state to which a release leads, and the cause of the transition. If the task
-- stays in flight for another worker, or waits, it returns the letter without a worker and no
-- cause. why is the reason of a wait: an undo can only hold.
local function outcome(kind, s, req, why, ordinal)
  if kind == 'C' and s == 'R' then
    return 'C', 'success'
  elseif kind == 'F' and s == 'R' then
    return 'F', 'failure'
  elseif kind == 'U' and s == 'B' then
    return 'D', 'undo'
  elseif kind == 'X' and s == 'B' then
    return 'E', 'undo failure'
  elseif kind == 'Y' or kind == 'W' and (s == 'R' or why == 'h' or why == 'q') then
    local how = stop(s, req, ordinal)
    if how == '0' then
      return s == 'R' and 'r' or 'b'
    elseif s == 'B' then
      return 'E', 'undo failure'
    elseif how == '1' then
      return 'Z', 'pause'
    end
    return 'X', 'cancel'
  end
end

-- quick_end returns the head of a task of the open wave that is completed at its first attempt and
-- that only its worker has changed, and updates the counters. It returns nothing for any other
-- task. before and after are as in quick_save.
local function quick_end(h, before, after, ordinal, f, drop)
  local size = #before
  if sub(h, 1, size) ~= before or elsewhere(ordinal) then
    return
  end
  local kept, started, claim = match(h, '^%d+ %d+ ([0-3]) 2 1 0 (%d+) 0 0 0 0 0 (%S+) ', size + 1)
  if not claim then
    return
  end
  if kept == '1' or kept == '3' then
    drop[#drop + 1] = f .. 'c'
  end
  tally(ordinal, 'R', 'C')
  ordinal = int(ordinal)
  local turn = end_hold(ordinal, claim, '0')
  counts.running, counts.completed = counts.running - 1, counts.completed + 1
  events[#events + 1] = ordinal .. '\tRUNNING\tCOMPLETED\t1\tsuccess\t'
  return after .. now .. (kept < '2' and ' 0' or ' 2') .. ' 3 1 0 ' .. started .. ' ' .. now .. ' ' .. turn .. ' 0 0 0'
end

-- keep stores a failure beside a head and, unless it is empty, what the task's attempts now are.
local function keep(f, t, failure, attempts, set)
  set[#set + 1] = f .. 'f'
  set[#set + 1] = failure
  t.kept = with(t.kept, 4)
  if attempts ~= '' then
    set[#set + 1] = f .. 'a'
    set[#set + 1] = attempts
    t.kept = with(t.kept, 8)
  end
end

-- next_attempt ends the attempt of a task with a failure and begins the next one.
local function next_attempt(ordinal, f, t, failure, attempts, set)
  keep(f, t, failure, attempts, set)
  t.attempt, t.losses, t.elapsed = int(t.attempt + 1), '0', '0'
  event(ordinal, 'RUNNING', 'RUNNING', t.attempt, 'retry', '{"failure":' .. groups().json(failure) .. '}')
end

-- release makes the change with which a worker releases a task, and returns the new head; or
-- nothing, and "i" if the change does not fit the state, "c" if the task is damaged, "w" or "g" if
-- the counters of the waves or the groups are. set and drop collect the fields of the task's bucket
-- to write and to delete.
local function release(key, ordinal, f, kind, seq, data, t, set, drop)
  local s = t.state
  local why, till
  if kind == 'W' then
    why, till, data = match(data, '^(%l)(%d+):(.*)$')
    till = int(now + till)
  end
  local failure, tried = match(data, '^([^\n]*)\n?(.*)$')
  local to, cause = outcome(kind, s, t.request, why, ordinal)
  if not to then
    return nil, 'i'
  elseif cause and elsewhere(ordinal) and open_waves() then
    return nil, 'w'
  elseif to == 'F' and groups().open() then
    return nil, 'g'
  end
  local last = '' -- the failure that is kept
  if failure == '' and cause and to ~= 'C' and to ~= 'D' and has(t.kept, 4) then
    last = redis.call('HGET', key, f .. 'f')
    if not last or not groups().json(last) then
      return nil, 'c'
    end
  end
  local number = ordinal
  ordinal = int(ordinal)
  t.turn = end_hold(ordinal, t.claim, t.turn)
  if why == 'b' and (not cause or to == 'Z') then
    next_attempt(ordinal, f, t, failure, tried, set)
  end
  if not cause then
    t.wait = why and string.upper(why) .. till or t.wait
    add_unheld(ordinal, to, t.request, t.wait)
  else
    t.wait = to ~= 'Z' and '0' or why and why .. till or t.wait
    t.alone = cause == 'pause' and t.request == '1' and '1' or '0'
    t.request = '0'
    counts[counter[s]] = counts[counter[s]] - 1
    counts[counter[to]] = counts[counter[to]] + 1
    tally(number, s, to)
    local detail = ''
    if to == 'C' or to == 'D' then
      drop[#drop + 1] = f .. 'c'
      drop[#drop + 1] = f .. 'f'
      t.kept = without(without(t.kept, 1), 4)
      if to == 'D' then
        drop[#drop + 1] = f .. 'u'
        t.kept = without(t.kept, 2)
      end
    elseif failure ~= '' and to ~= 'Z' then
      keep(f, t, failure, tried, set)
    elseif failure == '' then
      failure = last
    end
    if (to == 'F' or to == 'E') and failure ~= '' then
      detail = '{"failure":' .. groups().json(failure) .. '}'
    end
    if ended[to] then
      t.ended = now
    end
    if to == 'F' then
      local group = groups().key(failure)
      groups().join(group)
      if plan.state == 1 and (exceeds(number) or groups().exceeds(group)) then
        plan.breached = 1
      end
    end
    event(ordinal, names[s], names[to], t.attempt, cause, detail)
  end
  t.state, t.seq, t.version, t.claim = to, seq, int(t.version + 1), ''
  return format_head(t)
end

-- part finds the string in s whose length stands before it at position from. It returns the
-- positions just before the string and at its end, or nothing if there is no such string.
local function part(s, from)
  local _, e, size = find(s, '^(%d+):', from)
  if e and e + size <= #s then
    return e, e + size
  end
end

-- record_undo adds an undo entry to a task's log unless the log has one for its step. It returns
-- the checkpoint that came with the entry; or nothing, and "u" if the log is full, "c" if the log
-- or the entry is malformed.
local function record_undo(key, f, data, set, kept)
  local size, rest = match(data, '^(%d+):(.*)$')
  size = tonumber(size)
  local checkpoint = sub(rest, 1, size)
  size, rest = match(sub(rest, size + 1), '^(%d+):(.*)$')
  size = tonumber(size)
  local step, entry = sub(rest, 1, size), sub(rest, size + 1)
  local undo = '1:'
  if has(kept, 2) then
    undo = redis.call('HGET', key, f .. 'u') or ''
    for i = #set - 1, 1, -2 do -- two changes of one task in one script
      if set[i] == f .. 'u' then
        undo = set[i + 1]
        break
      end
    end
  end
  if sub(undo, 1, 2) ~= '1:' then
    return nil, 'c'
  end
  local last, count = 2, 0
  while last < #undo do
    local first, final = part(undo, last + 1)
    if first and sub(undo, first + 1, final) == step then
      return checkpoint
    end
    count = count + 1
    if first then
      first, last = part(undo, final + 1)
    end
    if not first then
      return nil, 'c'
    end
  end
  if count >= 256 then
    return nil, 'u'
  end
  set[#set + 1] = f .. 'u'
  set[#set + 1] = undo .. entry
  return checkpoint
end

-- refused returns the answer to a change by a worker that does not hold the task, or that has
-- already made the change.
local function refused(wtoken, wseq, t, ordinal)
  local ptoken, pseq = match(t.previous, '^(%d+)/(%d+)$')
  if wtoken ~= '0' and (wtoken == t.token and wseq <= t.seq + 0
    or t.seq == '0' and wtoken == ptoken and wseq <= pseq + 0) then
    return shown(t.state) .. stop(t.state, t.request, ordinal) .. '.'
  end
  return shown(t.state) .. '0f' .. t.token .. ';' .. sized(t.worker)
end

-- save returns a task's answer to a save and, unless the save is refused, its new head.
local function save(key, ordinal, f, kind, seq, data, t, set)
  if kind == 'V' then
    local why
    data, why = record_undo(key, f, data, set, t.kept)
    if not data then
      return t.state .. stop(t.state, t.request, ordinal) .. why
    end
    t.kept = with(t.kept, 2)
  end
  if data ~= '' then
    set[#set + 1] = f .. 'c'
    set[#set + 1] = data
    t.losses, t.kept = '0', with(t.kept, 1)
  end
  t.seq = seq
  return t.state .. stop(t.state, t.request, ordinal) .. '.', format_head(t)
end

-- apply_change applies one change and returns its answer. h is the task's head; after begins with
-- the kind of the change, the worker's token and the change's number.
local function apply_change(key, ordinal, f, after, data, h, set, drop)
  local kind, wtoken, wseq, elapsed = match(after, '^(.). (%d+) (%d+) 0 (%d+)')
  if not h then
    if ordinal < 1 or ordinal > plan.total then
      return 'P0n'
    elseif ordinal < plan.reached then
      return 'P0c'
    end
    return shown('P') .. '0f0;' .. sized('')
  end
  local t = parse_head(h)
  if not t then
    return 'P0c'
  end
  local s = t.state
  if wtoken ~= t.token or s ~= 'R' and s ~= 'B' or wseq + 0 <= t.seq + 0 then
    return refused(wtoken, wseq + 0, t, ordinal)
  end
  t.elapsed = elapsed
  if kind == 'R' or kind == 'V' then
    return save(key, ordinal, f, kind, wseq, data, t, set)
  end
  local next, why = release(key, ordinal, f, kind, wseq, data, t, set, drop)
  if not next then
    return s .. '0' .. why
  end
  return sub(next, 1, 1) .. '0.', next
end

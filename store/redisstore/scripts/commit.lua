-- use: begin, save, plan, wave, group, head, task, event, hold, past, unheld, work, undo, pending,
--   claim
--
-- Commits changes of workers to tasks of one plan, then claims further tasks.
--
-- KEYS[1] the plan's record; then the buckets with changes
-- ARGV[1] number of changes         ARGV[2] number of claims
-- ARGV[3] number of events to keep, 0: all
-- ARGV[4] channel for hints
-- ARGV[5] new floor of tokens       ARGV[6] new limit of tokens; 0: unchanged
-- ARGV[7] 1 if any change is W, plus 2 if new events are to be hinted at, with "e" before the plan
-- then per bucket with changes: bucket, number of changes, and per change
--   field, before, after, data. before and after are the beginning of the head before and after
--   the change, if nothing but its worker has changed the task: before up to the word elapsed,
--   after up to the time. after begins with the kind of the change, which determines data:
--   R a save: the checkpoint, empty if there is none
--   V a save with an undo entry: <n>:<checkpoint><n>:<step><undo entry>
--   C F Y U X completed, failed, yielded, undone, undo failed: the failure as it is stored, if any,
--     and after it, if the task's attempts change with it, an LF and they as they are stored
--   W deferred: the reason h, b or p, the time in microseconds, ":", and the failure as above
-- then per claim: id, worker (empty: the same as of the previous claim), maximum number of tasks,
--   the number of the change that was sent together with the claim, from 1; 0: none; and "*" if it
--   may get any pending task, or else the ordinals of those that it may get, separated by spaces
--
-- Returns "=" flags version "|" rules "|" facts "|" now "|" token "|"
-- then per change the letter of the task's state, the stop request in force as a digit, and one of
--   "."  done, now or by an earlier call       "f" token ";" worker, sized   fenced
--   "n"  no such task                          "c"  the task is damaged
--   "i"  the task's state does not permit it   "u"  too many undo entries
--   "w"  the counters of the waves are damaged
--   "g"  the failure groups are damaged
-- then per claim the number of its tasks, as a byte, and each task framed; for a single task that
--   was never touched before and has no labels or parameters: 255, its ordinal and its tenant,
--   because the caller can derive all else from now and token.
-- then, if a flag says so, a problem, sized.
--
-- flags are five digits:
--   1  1 if tasks can be claimed, otherwise 0; save.lua returns "-": the caller derives it itself
--   2  1 if a further call has to continue the undo round
--   3  1 if the indexes have to be rebuilt; 2 if the call has to be repeated after that, because
--      nothing was claimed
--   4  1 if a problem ends the answer
--   5  1 if the limit of tokens has to be raised before more tasks can be claimed

local changes, claims, limit, channel = ARGV[1] + 0, ARGV[2] + 0, ARGV[3] + 0, ARGV[4]

local r = redis.pcall('HMGET', record, 'stage', 'version', 'rules', 'facts', 'past', 'tokens')
if r.err then
  return corrupt(record, r.err)
end
local problem = set_record(r[1], r[2], r[3], r[4]) or parse_record() or checked(ARGV[7] % 2 == 1)
if problem then
  return problem
end
local past = r[5]
if not past then
  return corrupt(record, 'past is missing')
end
if claims > 0 or ARGV[6] ~= '0' then
  problem = open_tokens(r[6], ARGV[5] + 0, ARGV[6] + 0)
  if problem then
    return problem
  end
end

local out, applied = {}, {}

local saving, completing = byte('R'), byte('C')
local as_saved, as_ended = 'R' .. int(plan.stop_running) .. '.', 'C0.'

local i, done, group = 8, 0, 2
while done < changes do
  local key, b, count = KEYS[group], ARGV[i], ARGV[i + 1] + 0
  i = i + 2
  local q = { 'HMGET', key }
  for w = 0, count - 1 do
    q[w + 3] = ARGV[i + w * 4]
  end
  local got = redis.pcall(unpack(q))
  local fresh, set, drop = {}, { 'HSET', key }, { 'HDEL', key }
  for w = 1, count do
    local f, before, after, data = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    if got.err then
      out[done + w] = 'P0c'
    else
      local h, kind, next = fresh[f] or got[w], byte(after), nil
      if h and kind == saving and not covered(b * 64 + f + 1) then
        next = quick_save(h, before, after, data)
        out[done + w] = as_saved
      elseif h and kind == completing then
        next = quick_end(h, before, after, b * 64 + f + 1, f, drop)
        out[done + w] = as_ended
      end
      if not next then
        out[done + w], next = apply_change(key, b * 64 + f + 1, f, after, data, h, set, drop)
      elseif data ~= '' then
        set[#set + 1] = f .. 'c'
        set[#set + 1] = data
      end
      if next then
        applied[done + w] = true
        fresh[f] = next
        set[#set + 1] = f
        set[#set + 1] = next
      end
    end
    i = i + 4
  end
  if #set > 2 then
    redis.call(unpack(set))
  end
  if #drop > 2 then
    redis.call(unpack(drop))
  end
  done, group = done + count, group + 1
end

write_holds()

-- repeated returns the tasks that a claim still holds if the claim has already been carried out;
-- the list is empty if all its holds have ended in the meantime. It returns nothing at all if the
-- claim is new. In the index, task k of a claim, counted from 0, is id/k.
local function repeated(id, most)
  local q = { 'HMGET', base .. 'held' }
  for k = 0, most - 1 do
    q[k + 3] = id .. '/' .. int(k)
  end
  local list = {}
  for k, had in ipairs(redis.call(unpack(q))) do
    local ordinal = had and tonumber(match(had, '^%d+'))
    local h = ordinal and head(ordinal)
    local t = h and parse_head(h)
    if t and t.claim == q[k + 2] then
      list[#list + 1] = described(ordinal, h, false, false)
    end
  end
  if list[1] or find(past, '\0' .. id .. '/', 1, true) then
    return list
  end
end

-- held_short reports whether the index of held tasks lacks any of them. With an incomplete index, a
-- repeated claim cannot be distinguished from a new one.
local function held_short()
  local key = base .. 'held'
  return plan.held > 0 and redis.call('HLEN', key) - redis.call('HEXISTS', key, '') < plan.held
end

-- assignment returns a collection of the writes that assign tasks: the heads by their buckets, and
-- the entries of the index of held tasks.
local function assignment()
  return { {}, { 'HSET', base .. 'held', '', filler } }
end

local function write_assigned(writes)
  for _, set in pairs(writes[1]) do
    redis.call(unpack(set))
  end
  if #writes[2] > 4 then
    redis.call(unpack(writes[2]))
  end
end

-- assign assigns tasks of the pool to a claim, beginning at a place in the pool, and appends them
-- to list. writes collects the writes.
local function assign(list, pool, from, most, id, worker, writes)
  local sets, entries = writes[1], writes[2]
  for k = 0, math.min(most, #pool - from + 1) - 1 do
    local taken = pool[from + k]
    local ordinal, claim = int(taken[1]), id .. (k == 0 and '/0' or '/' .. int(k))
    local b, f = at(taken[1])
    local set = sets[b]
    if not set then
      set = { 'HSET', bucket(b) }
      sets[b] = set
    end
    taken[2] = claimed(ordinal, taken[2], claim, worker, taken[8])
    set[#set + 1] = field_names[f + 1]
    set[#set + 1] = taken[2]
    entries[#entries + 1] = claim
    entries[#entries + 1] = ordinal .. ' ' .. worker
    list[k + 1] = taken
  end
end

-- frame_claim frames tasks for the reader, adjacent tasks of one bucket together. A single task
-- that was never touched before and has no labels or parameters, the most frequent case, has a
-- shorter form.
local function frame_claim(list)
  local only = list[1]
  if not list[2] and only and only[3] and only[5] == '' then
    local ordinal = only[1]
    out[#out + 1] = char(255, floor(ordinal / 65536), floor(ordinal / 256) % 256, ordinal % 256) .. sized(only[4])
    return
  end
  local frames, from = { char(#list) }, 1
  while from <= #list do
    local b = at(list[from][1])
    local part, to = { list[from] }, from + 1
    while list[to] and list[to][1] > list[to - 1][1] and at(list[to][1]) == b do
      part[#part + 1] = list[to]
      to = to + 1
    end
    plan.damaged = frame_tasks(b, part, frames) or plan.damaged
    from = to
  end
  if #frames ~= #list + 1 then -- they are assigned; the next heartbeat finds them
    frames = { char(0) }
  end
  out[#out + 1] = concat(frames)
end

if claims > 0 then
  local answers, new, seen, want, claims_at, worker, chosen = {}, {}, {}, 0, i, '', false
  local alone = false -- a claim comes without a change that proves it to be new
  for c = 1, claims do
    alone = alone or not applied[ARGV[i + c * 5 - 2] + 0]
  end
  if alone and held_short() or unheld_short() then
    out[#out + 1] = string.rep('\0', claims)
    plan.unindexed, claims = '2', 0
  end
  for c = 1, claims do
    local id, most, with = ARGV[i], ARGV[i + 2] + 0, ARGV[i + 3] + 0
    -- If the change sent with the claim takes effect only now, the claim is new.
    answers[c] = not applied[with] and repeated(id, most) or seen[id]
    if not answers[c] then
      answers[c], new[c] = {}, true
      seen[id] = answers[c]
      want, chosen = want + most, chosen or ARGV[i + 4] ~= '*'
    end
    i = i + 5
  end
  if want > 0 then
    -- Claims of any tasks share a pool. If one chooses, each gets its own, after the writes of the
    -- one before.
    local pool, from, writes = not chosen and gather(want, false), 1, assignment()
    i = claims_at
    for c = 1, claims do
      worker = ARGV[i + 1] ~= '' and ARGV[i + 1] or worker
      if new[c] then
        if chosen then
          pool, from = gather(ARGV[i + 2] + 0, ARGV[i + 4] ~= '*' and ARGV[i + 4]), 1
        end
        assign(answers[c], pool, from, ARGV[i + 2] + 0, ARGV[i], worker, writes)
        from = from + #answers[c]
        if chosen then
          write_assigned(writes)
          writes = assignment()
        end
      end
      i = i + 5
    end
    write_assigned(writes)
  end
  plan.damaged = plan.damaged or plan.passed
  for c = 1, claims do
    frame_claim(answers[c])
  end
end

-- any reports whether an index of tasks that no worker holds has a score from low to high.
local function any(index, low, high)
  return redis.call('ZCOUNT', base .. index, int(low), int(high)) > 0
end

-- due_claimable reports whether claims take any of the tasks that are due, of which there are some.
local function due_claimable()
  local runs, undoes = claims_started(), claims_undos()
  if runs and (undoes or counts.rolling_back == 0) then
    return true
  end
  return runs and any('later', 0, now) or undoes and any('later', undos, undos + now)
    or claims_exempt() and any('later', -undos, now - undos)
end

-- loose_claimable reports whether claims take any of the tasks that neither a worker holds nor are
-- waiting, of which there are some.
local function loose_claimable()
  local runs, undoes = claims_started(), claims_undos()
  if runs and (undoes or counts.rolling_back == 0) then
    return loose() > plan.starting or starts()
  end
  return runs and any('loose', 1, 1000000) or undoes and any('loose', 2000001, 3000000)
    or claims_exempt() and any('loose', 10000001, 11000000) or starts()
end

seek_last()
refresh_due()
local claimable = false
if plan.waiting > 0 and plan.next_due <= now + 0 then
  claimable = due_claimable()
end
if not claimable and plan.held + plan.waiting < plan.max_slots then
  claimable = not plan.damaged and (pending_open() or plan.undo_open and plan.dry == 0 and plan.undo_at > 0)
  if not claimable and loose() > 0 then
    claimable = loose_claimable() or unheld_short() -- the claim that follows finds out
  end
end
track_wave_end()
if #events > 0 then
  log(limit)
end
local after = plan.facts
if #events > 0 or #freed > 0 or claims > 0 or plan.undo_open then
  after = format_facts()
end
if #freed > 0 then
  redis.call('HSET', record, 'facts', after, 'past', remember(past, freed))
elseif after ~= plan.facts then
  redis.call('HSET', record, 'facts', after)
end
if plan.retallied then
  redis.call('HSET', record, 'tallies', format_tallies())
end
if plan.regrouped then
  redis.call('HSET', record, 'groups', groups().format())
end
if #events > 0 then
  if plan.breached == 1 or counts.running + counts.rolling_back == 0 then
    redis.pcall('PUBLISH', channel, match(record, '{p:(%d+)}:plan$'))
  elseif ARGV[7] + 0 >= 2 then
    redis.pcall('PUBLISH', channel, 'e' .. match(record, '{p:(%d+)}:plan$'))
  end
end
if plan.damaged then
  out[#out + 1] = sized(plan.damaged)
end
local more = plan.undo_open and plan.dry == 0 and plan.undo_at > 0 and plan.budget <= 0
return '=' .. (claimable and '1' or '0') .. (more and '1' or '0') .. (plan.unindexed or '0') .. (plan.damaged and '1' or '0')
  .. (plan.exhausted and '1' or '0') .. plan.version .. '|' .. plan.rules .. '|' .. after .. '|' .. now .. '|' .. int(plan.fresh or 0) .. '|' .. concat(out)

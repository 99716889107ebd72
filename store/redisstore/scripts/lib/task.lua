-- Shared: tasks. Uses plan, head.
--
-- Tasks are stored in buckets of 64. The task with ordinal o is field <f> = (o-1)%64 of bucket
-- floor((o-1)/64). In t:<bucket>, field <f> is its head, and fields <f>c, <f>u, <f>f and <f>a are
-- its checkpoint, undo log, failure and attempts; the head records which of the four exist. A task
-- that was never touched is pending and has no head. n:<bucket> has the tenants, x:<bucket> their
-- labels and parameters.
--
-- Each tenant is preceded by its mark, a digit: 1 if the tenant has labels or parameters, 2 if its
-- task was touched before its turn and therefore has a head, 3 if both, 0 if neither. The marks
-- reveal the loss of x:<bucket> or t:<bucket>.
-- provides: at, bucket, described, shown, missing_head, corrupt_head, field_names, attach_labels,
--   complete, complete_from_store, missing_heads, frame_tasks

local function at(ordinal)
  local i = ordinal - 1
  local b = floor(i / 64)
  return b, i - b * 64
end

local function bucket(b)
  return base .. 't:' .. int(b)
end

-- shown returns the letter of the state as readers see it: pending tasks of a plan that cancels
-- them show as canceled.
local function shown(letter)
  if letter == 'P' and plan.stop_running == 2 then
    return 'X'
  end
  return letter
end

-- missing_head returns the problem of a task that must have a head and has none.
local function missing_head(ordinal)
  local b, f = at(ordinal)
  return corrupt(bucket(b), 'task ' .. ordinal .. ' (field ' .. f .. ') is missing')
end

-- corrupt_head returns the problem of a task whose head is malformed.
local function corrupt_head(ordinal)
  return corrupt(bucket((at(ordinal))), 'the head of task ' .. int(ordinal) .. ' makes no sense')
end

-- field_names are the names of a bucket's fields by their number from 1.
local field_names = {
  '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19', '20', '21',
  '22', '23', '24', '25', '26', '27', '28', '29', '30', '31', '32', '33', '34', '35', '36', '37', '38', '39', '40', '41', '42',
  '43', '44', '45', '46', '47', '48', '49', '50', '51', '52', '53', '54', '55', '56', '57', '58', '59', '60', '61', '62', '63',
}

-- frame encodes one task for a reader: its ordinal in three bytes, the lengths of the strings, and
-- the strings.
local function frame(ordinal, h, tenant, given, c, u, f)
  local a, b, d, e, g, i = #h, #tenant, #given, #c, #u, #f
  if a < 255 and b < 255 and d < 255 and e < 255 and g < 255 and i < 255 then
    return char(floor(ordinal / 65536), floor(ordinal / 256) % 256, ordinal % 256, a, b, d, e, g, i) .. h .. tenant .. given
      .. c .. u .. f
  end
  return char(floor(ordinal / 65536), floor(ordinal / 256) % 256, ordinal % 256) .. length(a) .. length(b) .. length(d) .. length(e)
    .. length(g) .. length(i) .. h .. tenant .. given .. c .. u .. f
end

-- described returns a task for the functions below to complete: {ordinal, head or false, bare,
-- entry of n:<bucket> and later the tenant, labels and parameters, checkpoint, undo log, failure}.
-- If there are attempts, they follow the failure after an LF, so that other tasks need no place for
-- them. bare means that nothing is stored beside the head. The table has its final size from the
-- beginning, because Lua copies a table that grows.
local function described(ordinal, h, bare, entry)
  return { ordinal, h, bare, entry, false, '', '', '' }
end

-- attach_labels completes tasks of one bucket: it removes the mark from the tenant, and adds labels
-- and parameters. It returns a problem, if any, and how many of the first tasks are complete: a
-- task is damaged if its labels and parameters or its head are missing, although its mark or the
-- record says that they exist.
local function attach_labels(b, list)
  local problem, whole, q, marked = nil, #list, nil, nil
  for i, t in ipairs(list) do
    local mark = byte(t[4] or '')
    if not mark or mark < 48 or mark > 51 then
      problem, whole = corrupt(base .. 'n:' .. int(b), 'the tenant of task ' .. int(t[1]) .. ' is missing'), i - 1
      break
    elseif not t[2] and (mark > 49 or t[1] < plan.reached) then
      problem, whole = missing_head(t[1]), i - 1
      break
    end
    t[4], t[5] = sub(t[4], 2), ''
    if mark == 49 or mark == 51 then
      q, marked = q or { 'HMGET', base .. 'x:' .. int(b) }, marked or {}
      q[#q + 1] = field_names[t[1] - b * 64]
      marked[#marked + 1] = i
    end
  end
  if not q then
    return problem, whole
  end
  local got = redis.pcall(unpack(q))
  for k, i in ipairs(marked) do
    if not got[k] then
      return corrupt(q[2], got.err or 'labels and parameters of task ' .. int(list[i][1]) .. ' are missing'), i - 1
    end
    list[i][5] = got[k]
  end
  return problem, whole
end

-- missing_heads checks the heads got of count tasks of a bucket, beginning with field first. It
-- returns a problem if one is missing that must exist: the task was reached in its turn, or the
-- mark of its tenant says that it was touched before its turn.
local function missing_heads(b, first, got, count)
  local key, tenants = base .. 'n:' .. int(b), nil
  for i = 1, count do
    local ordinal = b * 64 + first + i
    if not got[i] and ordinal < plan.reached then
      return missing_head(ordinal)
    elseif not got[i] and plan.ahead ~= '0' then
      tenants = tenants or redis.pcall('LRANGE', key, int(first), int(first + count - 1))
      local mark = byte(tenants[i] or '')
      if not mark then
        return corrupt(key, tenants.err or 'the tenant of task ' .. int(ordinal) .. ' is missing')
      elseif mark > 49 then
        return missing_head(ordinal)
      end
    end
  end
end

-- The suffixes of the fields beside a head, by their bits in kept: lib/head.lua.
local besides = { [1] = 'c', [2] = 'u', [4] = 'f', [8] = 'a' }

-- attach_details adds checkpoint, undo log, failure and attempts to the first tasks of a list;
-- whole is their number. It returns a problem, if any, and how many of the first tasks are
-- complete: a task is damaged if a field is missing that exists according to its head.
local function attach_details(b, list, whole)
  local q, tasks, places = { 'HMGET', bucket(b) }, {}, {}
  for i = 1, whole do
    local t = list[i]
    local kept = t[2] and not t[3] and kept_of(t[2]) or 0
    local bit, place = 1, 6
    while kept > 0 do
      if kept % 2 == 1 then
        q[#q + 1] = field_names[t[1] - b * 64] .. besides[bit]
        tasks[#tasks + 1], places[#places + 1] = i, place
      end
      kept, bit, place = floor(kept / 2), bit * 2, place + 1
    end
  end
  if #tasks == 0 then
    return nil, whole
  end
  local got = redis.pcall(unpack(q))
  for k, i in ipairs(tasks) do
    if not got[k] then
      return corrupt(q[2], got.err or 'field ' .. q[k + 2] .. ' is missing'), i - 1
    end
    if places[k] == 9 then
      list[i][8] = list[i][8] .. '\n' .. got[k]
    else
      list[i][places[k]] = got[k]
    end
  end
  return nil, whole
end

-- complete calls attach_labels and attach_details. It returns a problem, if any, and how many of
-- the first tasks are complete.
local function complete(b, list)
  local problem, whole = attach_labels(b, list)
  local other, fewer = attach_details(b, list, whole)
  return other or problem, fewer
end

-- complete_from_store reads the entries of n:<bucket> for tasks in ascending order, and completes
-- the tasks. It returns a problem, if any.
local function complete_from_store(b, list)
  local first, last = list[1][1] - b * 64, list[#list][1] - b * 64
  local key = base .. 'n:' .. int(b)
  local all = redis.pcall('LRANGE', key, field_names[first], field_names[last])
  if all.err then
    return corrupt(key, all.err)
  end
  for _, t in ipairs(list) do
    t[4] = all[t[1] - b * 64 - first + 1]
  end
  return (complete(b, list))
end

-- frame_tasks frames tasks of one bucket for a reader and appends them to out. It completes them
-- first, unless they are complete already. It returns a problem, if any.
local function frame_tasks(b, list, out)
  local problem = not list[1][5] and complete_from_store(b, list)
  if problem then
    return problem
  end
  for _, t in ipairs(list) do
    out[#out + 1] = frame(t[1], t[2] or '', t[4], t[5], t[6], t[7], t[8])
  end
end

-- Shared: the failure groups of a plan, see plan.FailureGroup. Uses begin, plan.
--
-- The record's field groups has a line for each of them, in no order:
--   <failed> TAB <acknowledged> TAB <code> TAB <step> LF
-- code TAB step is the key of a group. Every stored failure begins with the key of its group, and
-- goes on with a TAB and the failure as JSON. Neither code nor step contains a TAB or LF: they are
-- escaped, and their bytes mean nothing to scripts.
--
-- plan.crowded is the number of groups that have more failures than are tolerated. plan.regrouped
-- means that the field has to be written.
--
-- groups returns a table of the functions. They are made when they are needed first, because few
-- scripts need any, and making them takes longer than a small commit has for it. It is one name,
-- because a Lua function uses at most 60 from outside of it.
-- provides: groups

local most = 256 -- plan.MaxFailureGroups

-- The failed and the acknowledged tasks of each group by its key, once they are needed; how many
-- groups there are, and how many tasks in all of them.
local failed, acknowledged
local number, grouped = 0, 0

local made

local function groups()
  if made then
    return made
  end
  made = {}

  -- groups().key returns the key of a stored failure, after which attempts may follow; of none,
  -- that of no code and no step. It returns nothing if the failure is malformed.
  function made.key(failure)
    return (failure == '' or byte(failure) == 10) and '\t' or match(failure, '^([^\t\n]*\t[^\t\n]*)\t')
  end

  -- groups().json returns a stored failure as JSON; nothing if it is malformed.
  function made.json(failure)
    return match(failure, '^[^\t\n]*\t[^\t\n]*\t(.*)$')
  end

  -- groups().open reads the groups unless they were read before. It returns a problem, if any. It
  -- has to be called before the script counts the task that changes a group.
  function made.open()
    if failed then
      return
    end
    local text, at, f, a = redis.call('HGET', record, 'groups'), 1, {}, {}
    number, grouped = 0, 0
    while text and at <= #text do
      local _, last, n, accepted, key = find(text, '^(%d+)\t(%d+)\t([^\t\n]*\t[^\t\n]*)\n', at)
      if not last or f[key] or n + 0 < accepted + 0 then
        text = false
        break
      end
      f[key], a[key], at = n + 0, accepted + 0, last + 1
      number, grouped = number + 1, grouped + n
    end
    if not text or grouped > counts.failed or number > most then
      return corrupt(record, 'groups is missing or makes no sense')
    end
    failed, acknowledged = f, a
  end

  -- groups().exceeds reports whether the group has more failures than are tolerated.
  function made.exceeds(key)
    local n = failed[key]
    return plan.max_same > 0 and n ~= nil and n >= plan.max_same and n > acknowledged[key]
  end

  -- groups().leave counts a task of the group that is not FAILED any more, groups().join one that
  -- is now; counts.failed has it already. If it is in no group, it is not counted.
  function made.leave(key)
    local n = failed[key]
    if not n then
      return
    end
    plan.crowded = plan.crowded - (made.exceeds(key) and 1 or 0)
    if n == 1 then
      failed[key], acknowledged[key], number = nil, nil, number - 1
    else
      failed[key], acknowledged[key] = n - 1, math.min(acknowledged[key], n - 1)
    end
    plan.crowded = plan.crowded + (made.exceeds(key) and 1 or 0)
    grouped, plan.regrouped = grouped - 1, true
  end

  function made.join(key)
    if not failed[key] then
      if number >= most or counts.failed - 1 > grouped then
        return
      end
      failed[key], acknowledged[key], number = 0, 0, number + 1
    end
    plan.crowded = plan.crowded - (made.exceeds(key) and 1 or 0)
    failed[key] = failed[key] + 1
    plan.crowded = plan.crowded + (made.exceeds(key) and 1 or 0)
    grouped, plan.regrouped = grouped + 1, true
  end

  -- groups().judge acknowledges the failures of all groups, if a command does, and computes
  -- plan.crowded by the present rules.
  function made.judge(acknowledges)
    plan.crowded = 0
    for key, n in pairs(failed) do
      if acknowledges and acknowledged[key] ~= n then
        acknowledged[key], plan.regrouped = n, true
      end
      plan.crowded = plan.crowded + (made.exceeds(key) and 1 or 0)
    end
  end

  -- groups().format returns the value of the field groups.
  function made.format()
    local lines = {}
    for key, n in pairs(failed) do
      lines[#lines + 1] = int(n) .. '\t' .. int(acknowledged[key]) .. '\t' .. key .. '\n'
    end
    return concat(lines)
  end

  return made
end

-- Shared: the events of the plan itself, which are kept as long as the plan exists. Uses plan,
-- event.
--
-- They are in the stream history, besides the log: one entry per event, with the fields of the log;
-- its id is the event's sequence number. Field history of the record counts the entries, so that
-- the loss of any is noticed.
-- provides: history_length, append_history

-- history_length returns how many entries there must be, or nothing and a problem.
local function history_length()
  local count = redis.call('HGET', record, 'history')
  if not count then
    return nil, corrupt(record, 'history is missing')
  end
  return count + 0
end

-- append_history appends the events of this commit that are about the plan itself, after log has
-- numbered them. count is the number of entries before the call.
local function append_history(count)
  for i, line in ipairs(events) do
    if sub(line, 1, 2) == '0\t' then
      local entry = { 'XADD', base .. 'history', int(plan.last_event - #events + i) .. '-0', 'at', now, 'e', line }
      if i == #events and at_rest() then
        entry[8], entry[9] = 'rest', '1'
      end
      local added = redis.pcall(unpack(entry))
      if type(added) == 'table' and added.err then -- the changes stand
        plan.damaged = corrupt(base .. 'history', added.err)
      end
      count = count + 1
    end
  end
  redis.call('HSET', record, 'history', int(count))
end

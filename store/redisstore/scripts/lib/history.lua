-- Shared: the events of the plan itself, which are kept as long as the plan. Uses plan, event.
--
-- A stream beside the log: one entry per event, as in the log; its id is the event's number.
-- Field history of the record counts the entries, so that none is lost unnoticed.
-- provides: chronicled, chronicle

-- chronicled returns how many entries there must be, or nothing and a problem.
local function chronicled()
	local count = redis.call('HGET', record, 'history')
	if not count then
		return nil, corrupt(record, 'history is missing')
	end
	return count + 0
end

-- chronicle appends the events of this commit that are about the plan, once log has
-- numbered them, to count others.
local function chronicle(count)
	for i, line in ipairs(events) do
		if sub(line, 1, 2) == '0\t' then
			local entry = { 'XADD', base .. 'history', int(plan.lastEvent - #events + i) .. '-0', 'at', now, 'e', line }
			if i == #events and atRest() then
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

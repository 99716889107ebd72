-- Shared: the events of the plan itself, which are kept as long as the plan. Uses plan, event.
--
-- A stream beside the log: one entry per event, as in the log; its id is the event's number.
-- provides: chronicle

-- chronicle appends the events of this commit that are about the plan, once log has
-- numbered them.
local function chronicle()
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
		end
	end
end

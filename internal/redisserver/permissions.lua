-- Finds out what the user of a script may not do. It comes before the scripts that use it.

-- reason returns why a call is refused, from the text of the refusal. It is called only for calls
-- that are certainly refused, so it executes none. Redis checks the number of words first, so
-- reason adds words to a call that has too few.
local function reason(call)
	for _ = 1, 6 do
		local text = (redis.pcall(unpack(call)) or {}).err or ''
		if not string.find(text, 'number of arg', 1, true) then
			if string.find(text, "can't run this command", 1, true) or string.find(text, 'no permissions to run', 1, true) then
				return 'command'
			elseif string.find(text, 'channel', 1, true) then
				return 'channel'
			elseif string.find(text, ' key', 1, true) then
				return 'key'
			end
			return 'command'
		end
		call[#call + 1] = '1'
	end
	return 'command'
end

-- refusals returns the commands, keys and channels in a list of calls that the user may not use.
-- Each call is a command with its key or channel and any number of arguments. The result is a
-- sorted list of "command <name>", "key <name>" and "channel <name>". A command that the server
-- does not have counts as refused. It returns nothing if all is permitted, or if the server cannot
-- answer (before Redis 7.0). A command that scripts may not run (EVAL) has to be passed without its
-- keys.
local function refusals(calls)
	local may = redis.acl_check_cmd
	if not may then
		return {}
	end
	local seen, missing = {}, {}
	for _, call in ipairs(calls) do
		local known, permitted = pcall(may, unpack(call))
		if not known or not permitted then
			local why = known and reason(call) or 'command'
			local text = why .. ' ' .. (why == 'command' and call[1] or call[2])
			if not seen[text] then
				seen[text] = true
				missing[#missing + 1] = text
			end
		end
	end
	table.sort(missing)
	return missing
end

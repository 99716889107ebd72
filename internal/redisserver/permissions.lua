-- What the user of a script may not do. It comes before the scripts that ask.

-- reason returns why a call is refused, by the words of the refusal. It is called for
-- calls that are refused for sure, so that it runs none. Too few words are refused first,
-- so that some are added.
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

-- refusals returns what the user may not do of a list of calls, each a command with its key
-- or channel and as many arguments as one likes: sorted "command <name>", "key <name>",
-- "channel <name>". A command that the server does not have counts as refused. It returns
-- nothing if all is permitted, or if the server cannot tell (before Redis 7.0). A command
-- that scripts may not run (EVAL) is to be given without its keys.
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

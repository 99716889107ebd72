-- Tells what its user may not do. It runs nothing but calls that are refused for sure.
--
-- ARGV per call: number of words, and the words: a command, and its key or channel
--
-- Returns sorted "command <name>", "key <name>", "channel <name>"; nothing if all is permitted,
-- or if the server cannot tell.

local may = redis.acl_check_cmd
if not may then
	return {}
end

-- reason returns why a call is refused, by the words of the refusal. Too few words are
-- refused first, so that some are added.
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

local seen, missing = {}, {}
local i = 1
while i <= #ARGV do
	local size = tonumber(ARGV[i])
	local call = { unpack(ARGV, i + 1, i + size) }
	local known, permitted = pcall(may, unpack(call))
	if not known or not permitted then
		local why = known and reason(call) or 'command'
		local text = why .. ' ' .. (why == 'command' and call[1] or call[2])
		if not seen[text] then
			seen[text] = true
			missing[#missing + 1] = text
		end
	end
	i = i + size + 1
end
table.sort(missing)
return missing

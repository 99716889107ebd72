-- denied: which of the given calls the user may not make; see permissions.lua, which comes before
-- it.
--
-- ARGV per call: number of words, and the words: a command, and its key or channel
--
-- Returns the refusals.

local calls = {}
local i = 1
while i <= #ARGV do
	local size = tonumber(ARGV[i])
	calls[#calls + 1] = { unpack(ARGV, i + 1, i + size) }
	i = i + size + 1
end
return refusals(calls)

-- Shared: the most frequent change of all, for which a head need not be taken apart: what
-- it begins with is just as its worker left it, and nothing else has happened to the
-- task. Uses begin.
-- provides: quickSave

-- quickSave returns the head after a save, or nothing. before and after are what it
-- begins with, up to the time.
local function quickSave(h, before, after)
	local size = #before
	local rest = sub(h, 1, size) == before and find(h, ' ', size + 1, true)
	if rest then
		return after .. now .. sub(h, rest)
	end
end

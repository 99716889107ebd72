-- Shared: the most frequent change of all, for which a head need not be taken apart: what
-- it begins with is just as its worker left it, and nothing else has happened to the
-- task. Uses begin.
-- provides: quick_save

-- quick_save returns the head after a save of a checkpoint, empty if there is none; or nothing.
-- before and after are what it begins with, up to the time. Behind that stands kept, a digit
-- that is odd if there is a checkpoint already: lib/head.lua.
local function quick_save(h, before, after, checkpoint)
  local size = #before
  local rest = sub(h, 1, size) == before and find(h, ' ', size + 1, true)
  if not rest then
    return
  end
  local kept = byte(h, rest + 1)
  if checkpoint == '' or kept % 2 == 1 then
    return after .. now .. sub(h, rest)
  end
  return after .. now .. ' ' .. char(kept + 1) .. sub(h, rest + 2)
end

-- Shared: a save of a task that only its worker has changed. This is the most frequent change, and
-- it does not need to parse the head: the head still begins as the worker left it. Uses begin.
-- provides: quick_save

-- quick_save returns the head after a save, or nothing if the head does not begin with before.
-- before and after are the beginning of the head, up to the time, before and after the save.
-- checkpoint is empty if the save has none. The time has 16 digits and is followed by kept, a digit
-- that is odd if the task already has a checkpoint: lib/head.lua.
local function quick_save(h, before, after, checkpoint)
  local size = #before
  local space, kept = byte(h, size + 17, size + 18)
  if space ~= 32 or sub(h, 1, size) ~= before then
    return
  end
  if checkpoint == '' or kept % 2 == 1 then
    return after .. now .. sub(h, size + 17)
  end
  return after .. now .. ' ' .. char(kept + 1) .. sub(h, size + 19)
end

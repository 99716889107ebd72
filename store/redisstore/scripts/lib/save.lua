-- Shared: a save of a task that only its worker has changed. This is the most frequent change, and
-- it does not need to parse the head: the head still begins as the worker left it. Uses begin.
-- provides: quick_save

-- quick_save returns the head after a save, or nothing if the head does not begin with before.
-- before is the beginning of the head before the save, up to the word elapsed; after is the
-- beginning after the save, up to the time. checkpoint is empty if the save has none. The time has
-- 16 digits and is followed by kept, a character that is odd if the task already has a checkpoint:
-- lib/head.lua.
local function quick_save(h, before, after, checkpoint)
  if find(h, before, 1, true) ~= 1 then
    return
  end
  local time = find(h, ' ', #before + 1, true) -- the space before it
  local space, kept = byte(h, (time or -18) + 17, (time or -18) + 18)
  if space ~= 32 then
    return
  end
  if checkpoint == '' or kept % 2 == 1 then
    return after .. now .. sub(h, time + 17)
  end
  return after .. now .. ' ' .. char(kept + 1) .. sub(h, time + 19)
end

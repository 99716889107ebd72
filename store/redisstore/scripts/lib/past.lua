-- Shared: what the ends of holds leave behind.
-- provides: filler, remember

-- filler is the value of the field without a name in the index held. It forces the hash into a
-- table, because Redis keeps a small hash as a list, in which each look-up scans all entries.
local filler = '-----------------------------------------------------------------'

-- remember returns past with the ended claims freed put in front, and keeps the last few, so that a
-- claim which is sent again is recognized. Each stands between two zero bytes. A pattern that looks
-- for the last of these bytes would take longer than all the rest.
local function remember(past, freed)
  local last = find(past, '\0', math.min(300, #past), true)
  return '\0' .. concat(freed, '\0', math.max(1, #freed - 15)) .. '\0' .. sub(past, 2, last)
end

-- use: agenda
--
-- Makes a creation due when its time to live is over, or the removal of a plan due now.
--
-- KEYS as in lib/agenda.lua
-- ARGV[1] plan id   ARGV[2] time to live, for a removal 0
--
-- Returns "=".

local stamp, _, _, executor = entry(ARGV[1])
leave(ARGV[1], executor, '')
set_entry(ARGV[1], math.max(stamp + 1, now), 'c', 0, '')
put(ARGV[1], now + ARGV[2])
return '='

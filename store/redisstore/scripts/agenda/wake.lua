-- use: agenda
--
-- Makes a plan due now and, if a channel is given, publishes its id there as a hint.
--
-- KEYS as in lib/agenda.lua
-- ARGV[1] plan id
-- ARGV[2] length of the plan's hold; until the hold ends, the plan is not put off past its end
-- ARGV[3] channel for hints, or empty
--
-- Returns "=".

wake(ARGV[1], now + ARGV[2])
if ARGV[3] ~= '' then
  redis.pcall('PUBLISH', ARGV[3], ARGV[1])
end
return '='

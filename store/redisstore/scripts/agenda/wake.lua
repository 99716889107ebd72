-- use: agenda
--
-- Makes a plan due now. With a channel, a hint goes out.
--
-- KEYS of lib/agenda.lua
-- ARGV[1] plan id   ARGV[2] how long it is not put further off
-- ARGV[3] channel for hints, or empty
--
-- Returns "=".

wake(ARGV[1], now + ARGV[2])
if ARGV[3] ~= '' then
  redis.pcall('PUBLISH', ARGV[3], ARGV[1])
end
return '='

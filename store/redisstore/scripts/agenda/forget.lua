-- use: agenda
--
-- Removes a plan from the agenda.
--
-- KEYS as in lib/agenda.lua
-- ARGV[1] plan id
--
-- Returns "=".

local _, _, _, executor = entry(ARGV[1])
leave(ARGV[1], executor, '')
redis.call('ZREM', agenda, ARGV[1])
redis.call('HDEL', stamps, ARGV[1])
return '='

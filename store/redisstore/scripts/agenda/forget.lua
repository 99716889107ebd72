-- use: agenda
--
-- Removes a plan.
--
-- KEYS of lib/agenda.lua
-- ARGV[1] plan id
--
-- Returns "=".

redis.call('ZREM', agenda, ARGV[1])
redis.call('HDEL', stamps, ARGV[1])
return '='

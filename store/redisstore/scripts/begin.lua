-- Writes the record of a plan under creation, which no reader sees yet.
--
-- KEYS[1] the plan's record
-- ARGV[1] spec   ARGV[2] the creator's mark   ARGV[3] hash   ARGV[4] actor
-- ARGV[5] number of tasks
-- ARGV[6] time to live of the creation in microseconds   ARGV[7] idempotency key
-- ARGV[8] bounds of the waves, as in lib/wave.lua
--
-- Returns "=", even if the same creator has already written the record; "!conflict" if another plan
-- has the id.

local clock = redis.call('TIME')
local now = clock[1] .. string.format('%06d', tonumber(clock[2]))
if redis.call('HGET', KEYS[1], 'mark') == ARGV[2] then
  return '=' -- the answer was lost
end
if redis.call('EXISTS', KEYS[1], string.sub(KEYS[1], 1, -5) .. 'n:0') > 0 then
  return '!conflict the id is taken'
end
redis.call('HSET', KEYS[1], 'stage', 'creating', 'spec', ARGV[1], 'mark', ARGV[2], 'hash', ARGV[3], 'actor', ARGV[4],
  'tasks', ARGV[5], 'ttl', ARGV[6], 'created', now, 'touched', now, 'have', '0', 'most', '0', 'adding', '',
  'key', ARGV[7], 'waves', ARGV[8], 'tallies', (string.gsub(ARGV[8], '%S+', '0:0:0:0')), 'groups', '')
return '='

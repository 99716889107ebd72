-- Writes an incarnation's lease.
--
-- Its value is the time at which it began, in microseconds, SP what the process has (JSON), LF
-- what it holds (JSON, empty before the first report). JSON has no line feeds.
--
-- KEYS[1] the lease
-- ARGV[1] what to do:
--   join    ARGV[2] what the process tells   ARGV[3] time to live in milliseconds
--   report  ARGV[2] what it holds
--
-- Returns "=", or "!notfound" if there is no lease to report for.

if ARGV[1] == 'join' then
  local clock = redis.call('TIME')
  local now = clock[1] .. format('%06d', tonumber(clock[2]))
  redis.call('SET', KEYS[1], now .. ' ' .. ARGV[2] .. '\n', 'PX', ARGV[3])
  return '='
end
local had = redis.pcall('GET', KEYS[1])
if not had then
  return '!notfound'
end
local process = type(had) == 'string' and match(had, '^%d+ [^\n]*\n')
if not process then
  return '!corrupt ' .. #KEYS[1] .. ':' .. KEYS[1] .. (type(had) == 'table' and had.err or 'it is no lease')
end
redis.call('SET', KEYS[1], process .. ARGV[2], 'KEEPTTL')
return '='

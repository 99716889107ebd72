-- Shared: how every script of a plan begins.
--
-- KEYS[1] is always the plan's record; all other keys of the plan begin with base
-- and carry the same hash tag. now is the server's clock in microseconds.
-- provides: record, base, now

local record = KEYS[1]
local base = sub(record, 1, -5)

-- While a cluster moves the plan's slot to another node, key by key, what is on the
-- other one looks as if it did not exist. A command for two keys of which one never
-- exists fails then, and with it the script, before anything is written.
redis.call('EXISTS', record, base .. '-')

local clock = redis.call('TIME')
local now = clock[1] .. format('%06d', tonumber(clock[2]))

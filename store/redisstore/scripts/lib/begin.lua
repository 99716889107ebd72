-- Shared: the beginning of the scripts that work on one plan.
--
-- KEYS[1] is always the plan's record; all other keys of the plan begin with base
-- and carry the same hash tag. now is the server's clock in microseconds.
-- provides: record, base, now

local record = KEYS[1]
local base = sub(record, 1, -5)

-- While a cluster moves the plan's slot to another node, key by key, the keys on the other node
-- seem not to exist. A command with two keys, one of which never exists, then fails, and so the
-- script fails before it has written anything.
redis.call('EXISTS', record, base .. '-')

-- now has 16 digits, whatever the clock says.
local clock = redis.call('TIME')
local now = format('%010d%06d', clock[1], clock[2])

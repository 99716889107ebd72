-- Shared: the event log. Uses plan, wave.
--
-- One entry of the stream holds the events of one commit, a line each:
--   <ordinal> TAB <from> TAB <to> TAB <attempt> TAB <cause> TAB <detail>
-- Its id is the sequence number of its last event; the other events have the numbers just below.
-- Field at is the time; field rest exists if the plan is at rest after the last event.
-- provides: events, event, log

local events = {}

local function event(ordinal, from, to, attempt, cause, detail)
  events[#events + 1] = ordinal .. '\t' .. from .. '\t' .. to .. '\t' .. attempt .. '\t' .. cause .. '\t' .. detail
end

-- log appends the events of this commit and trims the log to about limit events, if limit is not 0.
-- Redis removes only whole nodes of the stream, and at most 1,000 entries per call.
local function log(limit)
  local key = base .. 'events'
  plan.last_event = plan.last_event + #events
  local id, text = int(plan.last_event) .. '-0', concat(events, '\n')
  local added
  if at_rest() then
    added = redis.pcall('XADD', key, id, 'at', now, 'e', text, 'rest', '1')
  else
    added = redis.pcall('XADD', key, id, 'at', now, 'e', text)
  end
  if type(added) == 'table' and added.err then -- a newer id is in the stream: the changes stand
    plan.damaged = corrupt(key, added.err)
  end
  if limit > 0 and plan.last_event > limit then
    plan.first_event = math.max(plan.first_event, plan.last_event - limit + 1)
    redis.call('XTRIM', key, 'MINID', '~', int(plan.first_event) .. '-0', 'LIMIT', 1000)
  end
end

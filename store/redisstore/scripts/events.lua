-- use: begin, plan
--
-- Reads events.
--
-- KEYS[1] the plan's record
-- ARGV[1] sequence number after which to start
-- ARGV[2] maximum number of entries   ARGV[3] number of events after which to stop
--
-- Returns "=" last "|" first "|" and per entry: id ";" at ";" rest ";" lines, sized. last is the
-- newest event, first is the oldest event in the log. Returns "!corrupt" if the log lacks an event
-- that was asked for and that was not trimmed.

local problem = load() or wrong_type(base .. 'events', 'stream')
if problem then
  return problem
end
local key = base .. 'events'
local after, entries, enough = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

-- fields returns an entry's time, its lines, and '1' if the plan is at rest after it.
local function fields(entry)
  local f = entry[2]
  return f[2], f[4] or '', f[6] or '0'
end

local first = plan.last_event + 1
local oldest = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
if oldest then
  local _, lines = fields(oldest)
  local _, breaks = string.gsub(lines, '\n', '')
  first = tonumber(match(oldest[1], '^%d+')) - breaks
end
if first > plan.first_event and after < first - 1 then
  return corrupt(key, 'events from ' .. int(plan.first_event) .. ' to ' .. int(first - 1) .. ' are missing')
end
local out, got = {}, 0
after = math.max(after, first - 1)
while after < plan.last_event and got < enough and entries > 0 do
  local page = redis.call('XRANGE', key, after + 1 .. '-0', '+', 'COUNT', math.min(entries, 20))
  for _, entry in ipairs(page) do
    if got < enough then
      local time, lines, rest = fields(entry)
      local _, breaks = string.gsub(lines, '\n', '')
      local last = tonumber(match(entry[1], '^%d+'))
      if last - breaks > after + 1 then
        return corrupt(key, 'event ' .. int(after + 1) .. ' is missing')
      end
      got = got + math.min(breaks + 1, last - after)
      after = last
      out[#out + 1] = after .. ';' .. time .. ';' .. rest .. ';' .. sized(lines)
    end
  end
  entries = entries - #page
  if #page == 0 then
    return corrupt(key, 'event ' .. int(after + 1) .. ' is missing')
  end
end
return '=' .. plan.last_event .. '|' .. first .. '|' .. concat(out)

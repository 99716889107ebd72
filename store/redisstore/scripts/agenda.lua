-- Keeps the agenda: when each plan is to be looked at.
--
-- KEYS[1] agenda, a sorted set: plan ids by the time they are due
-- KEYS[2] stamps, a hash: plan id -> stamp SP kind SP hold. kind is c for a creation,
--   s for a plan that is scheduled, g for one that rests for good. Until hold, rest
--   puts a plan no further off than hold: a command is being written, or somebody has
--   reminded of the plan. Field sweep: time SP id, the progress of the repair.
-- KEYS[3] ids, the newest plan id   KEYS[4] plans, all of them by id
-- ARGV[1] what to do, then its arguments. Times are in microseconds.
--   wake id hold channel   the plan is due now; with a channel, a hint goes out
--   expect id ttl          the creation is due when ttl is over
--   reschedule id stamp after    due after a while; never, if after is negative
--   remind id after ...    due after a while at the latest
--   due limit gap share    what is due
--   check id how ...       due now if the entry was lost, or its stamp; how is 1 for a plan at rest, c
--                          for one that is being created or removed, otherwise 0
--   forget id              removes the entry
--
-- Returns "="; for due, "=" from SP to and per plan: id ";" stamp ";" kind ";", where kind is
-- - if the stamp is lost. from
-- and to are the ids that the caller is to check, 0 if none: every gap, one caller is
-- given the next share of all ids.

local clock = redis.call('TIME')
-- What is due, and what rests, has to be known on a server whose memory is full, too: a
-- script is judged by its first write, and this one is always allowed.
redis.call('UNLINK', KEYS[1] .. '-')
local now = tonumber(clock[1] .. string.format('%06d', tonumber(clock[2])))
local agenda, stamps = KEYS[1], KEYS[2]
local id = ARGV[2]

local function text(t)
	return string.format('%.0f', t)
end

local function entry(plan)
	local stamp, kind, hold = string.match(redis.call('HGET', stamps, plan) or '', '^(%d+) (%a) (%d+)$')
	return tonumber(stamp or 0), kind, tonumber(hold or 0)
end

-- wake makes a plan due now; one that is due already keeps its turn.
local function wake(plan, hold)
	local stamp, _, held = entry(plan)
	redis.call('HSET', stamps, plan, text(math.max(stamp + 1, now)) .. ' s ' .. text(math.max(held, hold)))
	local due = redis.call('ZSCORE', agenda, plan)
	if not due or tonumber(due) > now then
		redis.call('ZADD', agenda, text(now), plan)
	end
end

-- rewind makes plans due whose time lies ahead because the clock was set back, or
-- another server with another clock took over. It reports whether that is all of them.
local function rewind()
	local ahead = redis.call('ZRANGEBYSCORE', agenda, '(' .. text(now), '+inf', 'LIMIT', 0, 500)
	for _, plan in ipairs(ahead) do
		redis.call('ZADD', agenda, text(now), plan)
	end
	return #ahead < 500
end

-- share returns the next ids to check, counting down from the newest.
local function share(gap, size)
	local newest = tonumber(redis.call('GET', KEYS[3]) or redis.call('ZRANGE', KEYS[4], '-1', '-1')[1] or 0) or 0
	local time, from = string.match(redis.call('HGET', stamps, 'sweep') or '', '^(%d+) (%d+)$')
	time, from = tonumber(time or 0), tonumber(from or 0)
	if now + gap < time and rewind() then
		redis.call('HSET', stamps, 'sweep', text(now) .. ' ' .. from)
	end
	if newest < 1 or now < time + gap then
		return 0, 0
	end
	if from < 1 or from > newest then
		from = newest
	end
	local to = math.max(1, from - size + 1)
	redis.call('HSET', stamps, 'sweep', text(now) .. ' ' .. to - 1)
	return to, from
end

if ARGV[1] == 'wake' then
	wake(id, now + ARGV[3])
	if ARGV[4] ~= '' then
		redis.pcall('PUBLISH', ARGV[4], id)
	end
elseif ARGV[1] == 'expect' then
	local stamp = entry(id)
	redis.call('HSET', stamps, id, text(math.max(stamp + 1, now)) .. ' c 0')
	redis.call('ZADD', agenda, text(now + ARGV[3]), id)
elseif ARGV[1] == 'reschedule' then
	local stamp, kind, hold = entry(id)
	if kind and text(stamp) == ARGV[3] then
		local after = tonumber(ARGV[4])
		if hold > now and (after < 0 or after > hold - now) then
			after = hold - now
			stamp = math.max(stamp + 1, now)
		end
		redis.call('HSET', stamps, id, text(stamp) .. (after < 0 and ' g ' or ' ' .. (kind == 'g' and 's' or kind) .. ' ') .. text(hold))
		if after < 0 then
			redis.call('ZREM', agenda, id)
		else
			redis.call('ZADD', agenda, text(now + after), id)
		end
	end
elseif ARGV[1] == 'remind' then
	for i = 2, #ARGV, 2 do
		local stamp, kind, hold = entry(ARGV[i])
		local due, latest = redis.call('ZSCORE', agenda, ARGV[i]), now + ARGV[i + 1]
		if kind and kind ~= 'c' then
			if not due or tonumber(due) > latest then
				stamp = math.max(stamp + 1, now)
				redis.call('ZADD', agenda, text(latest), ARGV[i])
			end
			-- Whoever looks at it just now may let it rest, but not past the reminder.
			redis.call('HSET', stamps, ARGV[i], text(stamp) .. ' s ' .. text(math.max(hold, latest)))
		end
	end
elseif ARGV[1] == 'due' then
	local from, to = share(tonumber(ARGV[3]), tonumber(ARGV[4]))
	local out = { '=' .. from .. ' ' .. to .. ' ' }
	for _, plan in ipairs(redis.call('ZRANGEBYSCORE', agenda, '-inf', text(now), 'LIMIT', 0, ARGV[2])) do
		local stamp, kind = entry(plan)
		out[#out + 1] = plan .. ';' .. text(stamp) .. ';' .. (kind or '-') .. ';'
	end
	return table.concat(out)
elseif ARGV[1] == 'check' then
	for i = 2, #ARGV, 2 do
		local stamp, kind = entry(ARGV[i])
		if not kind or not redis.call('ZSCORE', agenda, ARGV[i]) then
			if ARGV[i + 1] == 'c' then
				redis.call('HSET', stamps, ARGV[i], text(math.max(stamp + 1, now)) .. ' c 0')
				redis.call('ZADD', agenda, text(now), ARGV[i])
			elseif kind ~= 'g' or ARGV[i + 1] == '0' then
				wake(ARGV[i], 0)
			end
		end
	end
elseif ARGV[1] == 'forget' then
	redis.call('ZREM', agenda, id)
	redis.call('HDEL', stamps, id)
end
return '='

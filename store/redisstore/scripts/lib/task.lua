-- Shared: tasks. Uses plan.
--
-- Tasks live in buckets of 64. The task of ordinal o is field (o-1)%64 of bucket
-- floor((o-1)/64): t:<bucket> has its head, and under the field with c, u or f
-- behind it its checkpoint, undo log and failure. A task that was never touched has
-- no head: it is pending. n:<bucket> has the tenants, x:<bucket> their labels and
-- parameters.
--
-- A head is one line:
--   <state><request> <token> <seq> <updated> <losses>
--   <version> <attempt> <alone> <started> <ended> <released> <retried> <previous> <holder>
-- seq is the worker's last change under token; while that is 0, previous may be the
-- last one under an older token, as token/seq. holder is, while a worker holds the task, <n>:<claim of n
-- bytes><worker>.

local headPattern = '^(%a)(%d) (%d+) (%d+) (%d+) (%d+) (.*)$'
local restPattern = '^(%d+) (%d+) (%d) (%d+) (%d+) (%d+) (%-?%d+) (%S+) (.*)$'

local function at(ordinal)
	local i = ordinal - 1
	local b = floor(i / 64)
	return b, i - b * 64
end

local function bucket(b)
	return base .. 't:' .. b
end

-- holderOf splits the end of a head into claim and worker.
local function holderOf(tail)
	local size, rest = match(tail, '^(%d+):(.*)$')
	if not size then
		return '', ''
	end
	return string.sub(rest, 1, tonumber(size)), string.sub(rest, tonumber(size) + 1)
end

-- shown is the letter of the state as it is seen: pending tasks of a plan that
-- cancels them are cancelled.
local function shown(letter)
	if letter == 'P' and stopRunning == 2 then
		return 'X'
	end
	return letter
end

-- lost says that a task that must have a head has none.
local function lost(ordinal)
	local b, f = at(ordinal)
	return corrupt(bucket(b), 'task ' .. ordinal .. ' (field ' .. f .. ') is missing')
end

-- details frames what goes with the heads of tasks of one bucket, given as
-- {ordinal, head or false}, for a reader, and appends it to out.
local function details(b, list, out)
	local first, last = list[1][1] - b * 64 - 1, list[#list][1] - b * 64 - 1
	local tenants = redis.pcall('LRANGE', base .. 'n:' .. b, first, last)
	if tenants.err then
		return corrupt(base .. 'n:' .. b, tenants.err)
	end
	local q, x = { 'HMGET', bucket(b) }, { 'HMGET', base .. 'x:' .. b }
	for _, t in ipairs(list) do
		local f = t[1] - b * 64 - 1
		x[#x + 1] = f
		if t[2] then
			q[#q + 1] = f .. 'c'
			q[#q + 1] = f .. 'u'
			q[#q + 1] = f .. 'f'
		end
	end
	local more = #q > 2 and redis.call(unpack(q)) or {}
	local given = {}
	if extras == 1 then
		given = redis.pcall(unpack(x))
		if given.err then
			return corrupt(base .. 'x:' .. b, given.err)
		end
	end
	local m = 1
	for i, t in ipairs(list) do
		local tenant = tenants[t[1] - b * 64 - first]
		if not tenant then
			return corrupt(base .. 'n:' .. b, 'the tenant of task ' .. t[1] .. ' is missing')
		end
		local c, u, f = '', '', ''
		if t[2] then
			c, u, f = more[m] or '', more[m + 1] or '', more[m + 2] or ''
			m = m + 3
		end
		out[#out + 1] = t[1] .. ';' .. sized(t[2] or '') .. sized(tenant) .. sized(given[i] or '')
			.. sized(c) .. sized(u) .. sized(f)
	end
end

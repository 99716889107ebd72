-- Shared: tasks. Uses plan.
--
-- Tasks live in buckets of 64. The task of ordinal o is field (o-1)%64 of bucket
-- floor((o-1)/64): t:<bucket> has its head, and under the field with c, u or f
-- behind it its checkpoint, undo log and failure. A task that was never touched has
-- no head: it is pending. n:<bucket> has the tenants, x:<bucket> their labels and
-- parameters.
--
-- A head is one line:
--   <state><request> <token> <seq> <losses> <updated>
--   <version> <attempt> <alone> <started> <ended> <released> <retried> <previous> <holder>
-- seq is the worker's last change under token; while that is 0, previous may be the
-- last one under an older token, as token/seq. holder is, while a worker holds the
-- task, the claim's field in the index held, a space, and the worker.
-- provides: headPattern, restPattern, at, bucket, shown, lost, senseless, versionOf, fieldNames, details, frame

local headPattern = '^(%a)(%d) (%d+) (%d+) (%d+) (%d+) (.*)$'
local restPattern = '^(%d+) (%d+) (%d) (%d+) (%d+) (%d+) (%-?%d+) (%S+) (%S*) ?(.*)$'

local function at(ordinal)
	local i = ordinal - 1
	local b = floor(i / 64)
	return b, i - b * 64
end

local function bucket(b)
	return base .. 't:' .. int(b)
end

-- shown is the letter of the state as it is seen: pending tasks of a plan that
-- cancels them are cancelled.
local function shown(letter)
	if letter == 'P' and plan.stopRunning == 2 then
		return 'X'
	end
	return letter
end

-- lost says that a task that must have a head has none.
local function lost(ordinal)
	local b, f = at(ordinal)
	return corrupt(bucket(b), 'task ' .. ordinal .. ' (field ' .. f .. ') is missing')
end

-- senseless says that a task's head is none.
local function senseless(ordinal)
	return corrupt(bucket((at(ordinal))), 'the head of task ' .. int(ordinal) .. ' makes no sense')
end

-- versionOf returns the version of a task from its head, nothing if that makes no sense.
local function versionOf(h)
	local s, _, _, _, _, _, rest = match(h, headPattern)
	return place[s or ''] and match(rest, restPattern)
end

-- fieldNames are the names of a bucket's fields by their number from 1.
local fieldNames = {
	'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19', '20', '21',
	'22', '23', '24', '25', '26', '27', '28', '29', '30', '31', '32', '33', '34', '35', '36', '37', '38', '39', '40', '41', '42',
	'43', '44', '45', '46', '47', '48', '49', '50', '51', '52', '53', '54', '55', '56', '57', '58', '59', '60', '61', '62', '63',
}

-- frame frames one task for a reader: its ordinal in three bytes, the lengths of the
-- texts, and the texts.
local function frame(ordinal, h, tenant, given, c, u, f)
	local a, b, d, e, g, i = #h, #tenant, #given, #c, #u, #f
	if a < 255 and b < 255 and d < 255 and e < 255 and g < 255 and i < 255 then
		return char(floor(ordinal / 65536), floor(ordinal / 256) % 256, ordinal % 256, a, b, d, e, g, i) .. h .. tenant .. given
			.. c .. u .. f
	end
	return char(floor(ordinal / 65536), floor(ordinal / 256) % 256, ordinal % 256) .. length(a) .. length(b) .. length(d) .. length(e)
		.. length(g) .. length(i) .. h .. tenant .. given .. c .. u .. f
end

-- details frames tasks of one bucket for a reader, with what goes with their heads,
-- and appends them to out. They are given as {ordinal, head or false, bare, ...}; bare says
-- that there is nothing beside the head yet.
local function details(b, list, out)
	local base0 = b * 64
	local first, last = list[1][1] - base0, list[#list][1] - base0
	local key = base .. 'n:' .. int(b)
	local tenants = redis.pcall('LRANGE', key, fieldNames[first], fieldNames[last])
	if tenants.err then
		return corrupt(key, tenants.err)
	end
	local q = { 'HMGET', bucket(b) }
	for _, t in ipairs(list) do
		if t[2] and not t[3] then
			local f = fieldNames[t[1] - base0]
			q[#q + 1] = f .. 'c'
			q[#q + 1] = f .. 'u'
			q[#q + 1] = f .. 'f'
		end
	end
	local more = #q > 2 and redis.call(unpack(q))
	local given
	if plan.extras == '1' then
		q = { 'HMGET', base .. 'x:' .. int(b) }
		for i, t in ipairs(list) do
			q[i + 2] = fieldNames[t[1] - base0]
		end
		given = redis.pcall(unpack(q))
		if given.err then
			return corrupt(base .. 'x:' .. int(b), given.err)
		end
	end
	local m = 1
	for i, t in ipairs(list) do
		local tenant = tenants[t[1] - base0 - first + 1]
		if not tenant then
			return corrupt(key, 'the tenant of task ' .. int(t[1]) .. ' is missing')
		end
		local c, u, f = '', '', ''
		if t[2] and not t[3] then
			c, u, f = more[m] or '', more[m + 1] or '', more[m + 2] or ''
			m = m + 3
		end
		out[#out + 1] = frame(t[1], t[2] or '', tenant, given and given[i] or '', c, u, f)
	end
end

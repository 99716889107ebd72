-- Shared: tasks. Uses plan.
--
-- Tasks live in buckets of 64. The task of ordinal o is field (o-1)%64 of bucket
-- floor((o-1)/64): t:<bucket> has its head, and under the field with c, u or f
-- behind it its checkpoint, undo log and failure. A task that was never touched has
-- no head: it is pending. n:<bucket> has the tenants, x:<bucket> their labels and
-- parameters.
--
-- In front of each tenant stands a mark, a digit: 1 says that it has labels or parameters, 2
-- that its task has a head though its turn has not come yet, 3 both, 0 neither. So the loss
-- of x:<bucket> or t:<bucket> is noticed.
--
-- A head is one line:
--   <state><request> <token> <seq> <losses> <updated>
--   <version> <attempt> <alone> <started> <ended> <released> <retried> <previous> <holder>
-- seq is the worker's last change under token; while that is 0, previous may be the
-- last one under an older token, as token/seq. holder is, while a worker holds the
-- task, the claim's field in the index held, a space, and the worker.
-- provides: headPattern, restPattern, at, bucket, shown, lost, senseless, versionOf, fieldNames, describe, named, absent,
--   details

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

-- describe completes tasks of one bucket, given as {ordinal, head or false, bare, the entry
-- of n:<bucket>}: in place of that the tenant, then labels and parameters. What a mark or the
-- record knows to have been there is not made up for: it returns a problem, and how many of
-- the first tasks are whole.
local function describe(b, list)
	local problem, whole, q, marked = nil, #list, nil, nil
	for i, t in ipairs(list) do
		local mark = byte(t[4] or '')
		if not mark or mark < 48 or mark > 51 then
			problem, whole = corrupt(base .. 'n:' .. int(b), 'the tenant of task ' .. int(t[1]) .. ' is missing'), i - 1
			break
		elseif not t[2] and (mark > 49 or t[1] < plan.reached) then
			problem, whole = lost(t[1]), i - 1
			break
		end
		t[4], t[5] = sub(t[4], 2), ''
		if mark == 49 or mark == 51 then
			q, marked = q or { 'HMGET', base .. 'x:' .. int(b) }, marked or {}
			q[#q + 1] = fieldNames[t[1] - b * 64]
			marked[#marked + 1] = i
		end
	end
	if not q then
		return problem, whole
	end
	local got = redis.pcall(unpack(q))
	for k, i in ipairs(marked) do
		if not got[k] then
			return corrupt(q[2], got.err or 'labels and parameters of task ' .. int(list[i][1]) .. ' are missing'), i - 1
		end
		list[i][5] = got[k]
	end
	return problem, whole
end

-- named is describe for tasks in rising order, with the entries from the store.
local function named(b, list)
	local first, last = list[1][1] - b * 64, list[#list][1] - b * 64
	local key = base .. 'n:' .. int(b)
	local all = redis.pcall('LRANGE', key, fieldNames[first], fieldNames[last])
	if all.err then
		return corrupt(key, all.err)
	end
	for _, t in ipairs(list) do
		t[3], t[4] = t[3] or false, all[t[1] - b * 64 - first + 1]
	end
	return (describe(b, list))
end

-- absent returns a problem if one of count tasks of a bucket, from a field on, must have a
-- head and has none: it was reached in its turn, or its tenant has the mark of one that
-- was touched before.
local function absent(b, first, got, count)
	local key, tenants = base .. 'n:' .. int(b), nil
	for i = 1, count do
		local ordinal = b * 64 + first + i
		if not got[i] and ordinal < plan.reached then
			return lost(ordinal)
		elseif not got[i] and plan.ahead == '1' then
			tenants = tenants or redis.pcall('LRANGE', key, int(first), int(first + count - 1))
			local mark = byte(tenants[i] or '')
			if not mark then
				return corrupt(key, tenants.err or 'the tenant of task ' .. int(ordinal) .. ' is missing')
			elseif mark > 49 then
				return lost(ordinal)
			end
		end
	end
end

-- details frames tasks of one bucket for a reader, with what goes with their heads,
-- and appends them to out. They are given as {ordinal, head or false, bare, ...}; bare says
-- that there is nothing beside the head yet.
local function details(b, list, out)
	local problem = not list[1][5] and named(b, list)
	if problem then
		return problem
	end
	local q = { 'HMGET', bucket(b) }
	for _, t in ipairs(list) do
		if t[2] and not t[3] then
			local f = fieldNames[t[1] - b * 64]
			q[#q + 1] = f .. 'c'
			q[#q + 1] = f .. 'u'
			q[#q + 1] = f .. 'f'
		end
	end
	local more = #q > 2 and redis.call(unpack(q))
	local m = 1
	for _, t in ipairs(list) do
		local c, u, f = '', '', ''
		if t[2] and not t[3] then
			c, u, f = more[m] or '', more[m + 1] or '', more[m + 2] or ''
			m = m + 3
		end
		out[#out + 1] = frame(t[1], t[2] or '', t[4], t[5], c, u, f)
	end
end

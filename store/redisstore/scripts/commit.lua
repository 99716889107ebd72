-- use: plan, task, event, hold, claim
--
-- Commits changes of workers to tasks of one plan, then claims further tasks.
--
-- KEYS[1] the plan's record
-- ARGV[1] number of changes          ARGV[2] number of claims
-- ARGV[3] 1 if any change is no Save ARGV[4] most events to keep, 0: all
-- ARGV[5] channel for hints
-- then per bucket with changes: bucket, number of changes, and per change
--   field, kind (S, V, C, F, Y, U, X), token, seq, data
--   S: the checkpoint, empty if none. V: <n>:<checkpoint><n>:<step><undo entry>.
--   Others: the failure as JSON, empty if none.
-- then per claim: id, worker, most tasks, and as holder is in a head, id/0 and worker
--
-- Returns "=" flags version "|" rules "|" facts "|" then per change two characters,
-- its state and what is in force, and one of:
--   "."  done, or done before       "f" token ";" worker, sized   fenced
--   "n"  no such task               "c" damaged                    "i" not in this state
--   "u"  too many undo entries
-- then per claim the number of tasks, a byte, and each task framed.
-- flags are three digits: claimable, call again to go on with the undo round,
-- rebuild the indexes; a fourth is 1 if a problem, sized, ends the answer.

local works, claims, changes, limit, channel = ARGV[1] + 0, ARGV[2] + 0, ARGV[3] == '1', ARGV[4] + 0, ARGV[5]

local r = redis.pcall('HMGET', record, 'stage', 'version', 'rules', 'facts', 'past')
if r.err then
	return corrupt(record, r.err)
end
local problem = take(r[1], r[2], r[3], r[4])
if not problem and (changes or claims > 0) then
	problem = checked()
end
if problem then
	return problem
end
local past = r[5] or ''

local out = {}
local stopped = int(stopRunning)

-- stop is what is in force for a task in flight, as a digit.
local function stop(letter, req)
	if letter == 'R' or letter == 'r' then
		return stopRunning > req + 0 and stopped or req
	elseif letter == 'B' or letter == 'b' then
		return stopUndo
	end
	return '0'
end

-- outcome is where a release leads, and why; the same state without a worker if the
-- task stays for another.
local function outcome(kind, s, req)
	if kind == 'C' and s == 'R' then
		return 'C', 'success'
	elseif kind == 'F' and s == 'R' then
		return 'F', 'failure'
	elseif kind == 'U' and s == 'B' then
		return 'D', 'undo'
	elseif kind == 'X' and s == 'B' then
		return 'E', 'undo failure'
	elseif kind == 'Y' then
		local how = stop(s, req)
		if how == '0' then
			return s == 'R' and 'r' or 'b'
		elseif s == 'B' then
			return 'E', 'undo failure'
		elseif how == '1' then
			return 'Z', 'pause'
		end
		return 'X', 'cancel'
	end
end

-- release returns the task's head after a worker's last change, or nothing if the
-- change does not fit the state. set and drop collect fields of its bucket.
local function release(key, ordinal, f, kind, wseq, data, s, req, token, losses, rest, set, drop)
	local to, cause = outcome(kind, s, req)
	local v, attempt, alone, started, endedAt, was, retried, previous, tail = match(rest, restPattern)
	if not v or not to then
		return
	end
	ordinal = int(ordinal)
	was = unhold(ordinal, tail, was)
	if not cause then
		redis.call('ZADD', base .. 'loose', to == 'r' and ordinal or int(ordinal + 2000000), ordinal)
	else
		alone = cause == 'pause' and req == '1' and '1' or '0'
		req = '0'
		n[place[s]] = n[place[s]] - 1
		n[place[to]] = n[place[to]] + 1
		local detail = ''
		if to == 'C' or to == 'D' then
			drop[#drop + 1] = f .. 'c'
			drop[#drop + 1] = f .. 'f'
			if to == 'D' then
				drop[#drop + 1] = f .. 'u'
			end
		elseif data ~= '' and to ~= 'Z' then
			set[#set + 1] = f .. 'f'
			set[#set + 1] = data
		elseif data == '' then -- the last failure stays
			data = redis.call('HGET', key, f .. 'f') or ''
		end
		if (to == 'F' or to == 'E') and data ~= '' then
			detail = '{"failure":' .. data .. '}'
		end
		if ended[to] then
			endedAt = now
		end
		if to == 'F' and state == 1 and n[5] > maxFailed then
			breached = 1
		end
		event(ordinal, names[s], names[to], attempt, cause, detail)
	end
	return concat({
		to .. req, token, wseq, now, losses, int(v + 1), attempt, alone, started, endedAt, was, retried, previous, '',
	}, ' ')
end

-- recordUndo adds an undo entry to a task's log unless its step has one. It returns
-- the checkpoint that came with it, or nothing if the log is full.
local function recordUndo(key, f, data, set)
	local size, rest = match(data, '^(%d+):(.*)$')
	size = tonumber(size)
	local checkpoint = sub(rest, 1, size)
	size, rest = match(sub(rest, size + 1), '^(%d+):(.*)$')
	size = tonumber(size)
	local step, entry = sub(rest, 1, size), sub(rest, size + 1)
	local undo = redis.call('HGET', key, f .. 'u') or '1:'
	for i = #set - 1, 1, -2 do -- two changes of one task in one script
		if set[i] == f .. 'u' then
			undo = set[i + 1]
			break
		end
	end
	local from, count = 3, 0
	while from <= #undo do
		local _, e, len = string.find(undo, '^(%d+):', from)
		local name = sub(undo, e + 1, e + len)
		if name == step then
			return checkpoint
		end
		count = count + 1
		_, e, len = string.find(undo, '^(%d+):', e + len + 1)
		from = e + len + 1
	end
	if count >= 256 then
		return
	end
	set[#set + 1] = f .. 'u'
	set[#set + 1] = undo .. entry
	return checkpoint
end

-- refused answers a change of a worker that does not hold the task, or did it before.
local function refused(wtoken, wseq, s, req, token, seq, rest)
	local previous, tail = select(8, match(rest, restPattern))
	local ptoken, pseq = match(previous or '', '^(%d+)/(%d+)$')
	if wtoken ~= '0' and (wtoken == token and wseq <= seq + 0
		or seq == '0' and wtoken == ptoken and wseq <= pseq + 0) then
		return shown(s) .. stop(s, req) .. '.'
	end
	local worker = select(2, holderOf(tail or ''))
	return shown(s) .. '0f' .. token .. ';' .. sized(worker)
end

-- work applies one change and answers it. h is the task's head.
local function work(key, ordinal, f, kind, wtoken, wseq, data, h, set, drop)
	if not h then
		if ordinal < 1 or ordinal > total then
			return 'P0n'
		elseif ordinal < nextPending then
			return 'P0c'
		end
		return shown('P') .. '0f0;' .. sized('')
	end
	local s, req, token, seq, _, losses, rest = match(h, headPattern)
	if not s then
		return 'P0c'
	end
	if wtoken ~= token or s ~= 'R' and s ~= 'B' or wseq + 0 <= seq + 0 then
		return refused(wtoken, wseq + 0, s, req, token, seq, rest)
	end
	if kind == 'S' or kind == 'V' then
		if kind == 'V' then
			data = recordUndo(key, f, data, set)
			if not data then
				return s .. stop(s, req) .. 'u'
			end
		end
		if data ~= '' then
			set[#set + 1] = f .. 'c'
			set[#set + 1] = data
			losses = '0'
		end
		return s .. stop(s, req) .. '.', s .. req .. ' ' .. token .. ' ' .. wseq .. ' ' .. now .. ' ' .. losses .. ' ' .. rest
	end
	local next = release(key, ordinal, f, kind, wseq, data, s, req, token, losses, rest, set, drop)
	if not next then
		return s .. '0i'
	end
	return sub(next, 1, 1) .. '0.', next
end

local i, done = 6, 0
while done < works do
	local b, count = ARGV[i], ARGV[i + 1] + 0
	i = i + 2
	local key = base .. 't:' .. b
	local got
	if count == 1 then
		got = redis.pcall('HGET', key, ARGV[i])
		got = type(got) == 'table' and got or { got }
	else
		local q = { 'HMGET', key }
		for w = 0, count - 1 do
			q[w + 3] = ARGV[i + w * 5]
		end
		got = redis.pcall(unpack(q))
	end
	local fresh, set, drop = {}, { 'HSET', key }, { 'HDEL', key }
	for w = 1, count do
		local f = ARGV[i]
		if got.err then
			out[#out + 1] = 'P0c'
		else
			local answer, next = work(key, b * 64 + f + 1, f, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], fresh[f] or got[w], set, drop)
			out[#out + 1] = answer
			if next then
				fresh[f] = next
				set[#set + 1] = f
				set[#set + 1] = next
			end
		end
		i = i + 5
	end
	if #set > 2 then
		redis.call(unpack(set))
	end
	if #drop > 2 then
		redis.call(unpack(drop))
	end
	done = done + count
end
writeHolds()

-- holding returns the tasks that a claim sent before still holds, by bucket order.
local function holding(id, most)
	local q = { 'HMGET', base .. 'held' }
	for k = 0, most - 1 do
		q[k + 3] = k == 0 and id .. '/0' or id .. '/' .. int(k)
	end
	local list = {}
	for k, entry in ipairs(redis.call(unpack(q))) do
		local ordinal = entry and tonumber(match(entry, '^%d+'))
		local h = ordinal and head(ordinal)
		if h then
			local tail = select(9, match(select(7, match(h, headPattern)), restPattern))
			if holderOf(tail) == q[k + 2] then
				list[#list + 1] = { ordinal, h }
			end
		end
	end
	return list
end

-- tell frames tasks for the reader; those of one bucket that stand together at once.
local function tell(list)
	out[#out + 1] = char(#list)
	local from = 1
	while from <= #list do
		local b = at(list[from][1])
		local part, highest = { list[from] }, list[from][1]
		while list[from + #part] and at(list[from + #part][1]) == b and list[from + #part][1] > highest do
			highest = list[from + #part][1]
			part[#part + 1] = list[from + #part]
		end
		damaged = damaged or details(b, part, out)
		from = from + #part
	end
end

local claimsAt = i
local answers, want = {}, 0
for c = 1, claims do
	local id, most = ARGV[i], ARGV[i + 2] + 0
	local again = holding(id, most)
	if #again > 0 then
		answers[c] = again
	elseif string.find(past, '\0' .. id .. '\0', 1, true) then
		answers[c] = {}
	else
		want = want + most
	end
	i = i + 4
end
if want > 0 then
	local pool, from, entries = gather(want), 1, { 'HSET', base .. 'held' }
	local sets = {}
	i = claimsAt
	for c = 1, claims do
		if not answers[c] then
			local list = {}
			for k = 1, math.min(ARGV[i + 2] + 0, #pool - from + 1) do
				local taken = pool[from]
				local ordinal, text = taken[1], int(taken[1])
				local claim, holder = ARGV[i] .. '/0', ARGV[i + 3]
				if k > 1 then
					claim = ARGV[i] .. '/' .. int(k - 1)
					holder = int(#claim) .. ':' .. claim .. ARGV[i + 1]
				end
				local b, f = at(ordinal)
				local set = sets[b]
				if not set then
					set = { 'HSET', bucket(b) }
					sets[b] = set
				end
				taken[3] = not taken[2]
				taken[2] = claimed(text, taken[2], holder)
				set[#set + 1] = fieldNames[f + 1]
				set[#set + 1] = taken[2]
				entries[#entries + 1] = claim
				entries[#entries + 1] = text .. ' ' .. ARGV[i + 1]
				list[k] = taken
				from = from + 1
			end
			answers[c] = list
		end
		i = i + 4
	end
	for _, set in pairs(sets) do
		redis.call(unpack(set))
	end
	if #entries > 2 then
		redis.call(unpack(entries))
	end
end
for c = 1, claims do
	tell(answers[c])
end

seek()
local claimable = false
if not damaged and held < maxHeld then
	claimable = pendingOpen() or undoOpen and dry == 0 and undoAt > 0
	if not claimable and loose() > 0 then
		claimable = claimsRunning or redis.call('ZCOUNT', base .. 'loose', '2000000', '3000000') > 0
	end
end
if #events > 0 then
	log(limit)
end
local after = facts
if #events > 0 or #freed > 0 or claims > 0 or undoOpen then
	after = formatFacts()
end
if #freed > 0 then
	redis.call('HSET', record, 'facts', after, 'past', remember(past))
elseif after ~= facts then
	redis.call('HSET', record, 'facts', after)
end
if #events > 0 and (breached == 1 or n[2] + n[8] == 0) then
	redis.pcall('PUBLISH', channel, match(record, '{p:(%d+)}:plan$'))
end
if damaged then
	out[#out + 1] = sized(damaged)
end
local more = undoOpen and dry == 0 and undoAt > 0 and budget <= 0
return '=' .. (claimable and '1' or '0') .. (more and '1' or '0') .. (unindexed and '1' or '0') .. (damaged and '1' or '0')
	.. version .. '|' .. rules .. '|' .. after .. '|' .. concat(out)

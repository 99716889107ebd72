-- Shared: changes by the workers that hold tasks. Uses plan, task, event, hold.
-- provides: stop, work, quickEnd

-- stop is what is in force for a task in flight, as a digit.
local function stop(letter, req)
	if letter == 'R' or letter == 'r' then
		return plan.stopRunning > req + 0 and int(plan.stopRunning) or req
	elseif letter == 'B' or letter == 'b' then
		return plan.stopUndo
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

-- quickEnd returns the head of a task that is completed at its first attempt, or
-- nothing, as quickSave does.
local function quickEnd(h, before, after, ordinal, f, drop)
	local size = #before
	if sub(h, 1, size) ~= before then
		return
	end
	local started, claim = match(h, '^ 2 1 0 (%d+) 0 0 0 0 (%S+) ', size + 17)
	if not claim then
		return
	end
	ordinal = int(ordinal)
	local turn = unhold(ordinal, claim, '0')
	n[2], n[4] = n[2] - 1, n[4] + 1
	drop[#drop + 1] = f .. 'c'
	events[#events + 1] = ordinal .. '\tRUNNING\tCOMPLETED\t1\tsuccess\t'
	return after .. now .. ' 3 1 0 ' .. started .. ' ' .. now .. ' ' .. turn .. ' 0 0 '
end

-- release returns the task's head after a worker's last change, or nothing if the
-- change does not fit the state. set and drop collect fields of its bucket.
local function release(key, ordinal, f, kind, wseq, data, s, req, token, losses, rest, set, drop)
	local to, cause = outcome(kind, s, req)
	local v, attempt, alone, started, endedAt, was, retried, previous, claim = match(rest, restPattern)
	if not v or not to then
		return
	end
	ordinal = int(ordinal)
	was = unhold(ordinal, claim, was)
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
		if to == 'F' and plan.state == 1 and n[5] > plan.maxFailed then
			plan.breached = 1
		end
		event(ordinal, names[s], names[to], attempt, cause, detail)
	end
	return to .. req .. ' ' .. token .. ' ' .. wseq .. ' ' .. losses .. ' ' .. now .. ' ' .. int(v + 1) .. ' ' .. attempt .. ' ' .. alone
		.. ' ' .. started .. ' ' .. endedAt .. ' ' .. was .. ' ' .. retried .. ' ' .. previous .. ' '
end

-- part returns the places before and at the end of a text with its length in front that
-- begins at from; nothing if there is none.
local function part(s, from)
	local _, e, size = find(s, '^(%d+):', from)
	if e and e + size <= #s then
		return e, e + size
	end
end

-- recordUndo adds an undo entry to a task's log unless its step has one. It returns
-- the checkpoint that came with it; or nothing, and "u" if the log is full, "c" if it
-- makes no sense.
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
	if sub(undo, 1, 2) ~= '1:' then
		return nil, 'c'
	end
	local last, count = 2, 0
	while last < #undo do
		local first, final = part(undo, last + 1)
		if first and sub(undo, first + 1, final) == step then
			return checkpoint
		end
		count = count + 1
		if first then
			first, last = part(undo, final + 1)
		end
		if not first then
			return nil, 'c'
		end
	end
	if count >= 256 then
		return nil, 'u'
	end
	set[#set + 1] = f .. 'u'
	set[#set + 1] = undo .. entry
	return checkpoint
end

-- refused answers a change of a worker that does not hold the task, or did it before.
local function refused(wtoken, wseq, s, req, token, seq, rest)
	local previous, _, worker = select(8, match(rest, restPattern))
	local ptoken, pseq = match(previous or '', '^(%d+)/(%d+)$')
	if wtoken ~= '0' and (wtoken == token and wseq <= seq + 0
		or seq == '0' and wtoken == ptoken and wseq <= pseq + 0) then
		return shown(s) .. stop(s, req) .. '.'
	end
	return shown(s) .. '0f' .. token .. ';' .. sized(worker or '')
end

-- work applies one change and answers it. h is the task's head; after begins with the
-- kind of the change, the worker's token and the change's number.
local function work(key, ordinal, f, after, data, h, set, drop)
	local kind, wtoken, wseq = match(after, '^(.). (%d+) (%d+)')
	if not h then
		if ordinal < 1 or ordinal > plan.total then
			return 'P0n'
		elseif ordinal < plan.reached then
			return 'P0c'
		end
		return shown('P') .. '0f0;' .. sized('')
	end
	local s, req, token, seq, losses, _, rest = match(h, headPattern)
	if not s then
		return 'P0c'
	end
	if wtoken ~= token or s ~= 'R' and s ~= 'B' or wseq + 0 <= seq + 0 then
		return refused(wtoken, wseq + 0, s, req, token, seq, rest)
	end
	if kind == 'R' or kind == 'V' then
		if kind == 'V' then
			local why
			data, why = recordUndo(key, f, data, set)
			if not data then
				return s .. stop(s, req) .. why
			end
		end
		if data ~= '' then
			set[#set + 1] = f .. 'c'
			set[#set + 1] = data
			losses = '0'
		end
		return s .. stop(s, req) .. '.', s .. req .. ' ' .. token .. ' ' .. wseq .. ' ' .. losses .. ' ' .. now .. ' ' .. rest
	end
	local next = release(key, ordinal, f, kind, wseq, data, s, req, token, losses, rest, set, drop)
	if not next then
		return s .. '0i'
	end
	return sub(next, 1, 1) .. '0.', next
end

-- Shared: the plan record and what every script knows of it. Uses begin.
--
-- A script answers one string: "=" and its answer, or
-- "!" and a problem: "!notfound", "!conflict why", "!corrupt <n>:<key of n bytes>why".

-- provides: plan, n, corrupt, typed, int, length, sized, names, place, ended, formatFacts, parseFacts,
--   parseRules, missing, take, understand, load, snapshot, atRest

-- plan has what is known of the plan: version, rules and facts as they are stored, and
-- the fields of rules and facts by their names, see docs/redis.md. n are the counters.
local plan, n = {}, {}

local function corrupt(key, why)
	return '!corrupt ' .. #key .. ':' .. key .. why
end

-- typed returns a problem if there is something other than a want at key.
local function typed(key, want)
	local got = redis.call('TYPE', key).ok
	if got ~= want and got ~= 'none' then
		return corrupt(key, 'a ' .. got .. ' in place of a ' .. want)
	end
end

-- int is the text of a whole number; Lua's own conversion is several times slower.
local function int(v)
	return format('%d', v)
end

-- length is the length of a text that follows: a byte, or 255 and four bytes.
local function length(size)
	if size < 255 then
		return char(size)
	end
	return char(255, floor(size / 16777216), floor(size / 65536) % 256, floor(size / 256) % 256, size % 256)
end

-- sized frames a text so that it can be followed by others.
local function sized(s)
	return length(#s) .. s
end

-- States of tasks by their letters. A small r or b is RUNNING or ROLLING_BACK
-- without a worker.
local names = {
	P = 'PENDING', R = 'RUNNING', r = 'RUNNING', Z = 'PAUSED', C = 'COMPLETED', F = 'FAILED',
	S = 'SKIPPED', X = 'CANCELLED', B = 'ROLLING_BACK', b = 'ROLLING_BACK', D = 'ROLLED_BACK', E = 'ROLLBACK_FAILED',
}
-- Their places in the counters, from 1.
local place = { P = 1, R = 2, r = 2, Z = 3, C = 4, F = 5, S = 6, X = 7, B = 8, b = 8, D = 9, E = 10 }
local ended = { C = true, F = true, S = true, X = true, D = true, E = true }

local factsPattern = '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d) (%d) (%d+) (%d+) (%-?%d+) (%d) (%d+) (%d+) (%d+)$'

local function parseFacts(s)
	local a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, t, u, v = match(s or '', factsPattern)
	if not a then
		return false
	end
	n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10] = a + 0, b + 0, c + 0, d + 0, e + 0, f + 0, g + 0, h + 0, i + 0, j + 0
	plan.total = n[1] + n[2] + n[3] + n[4] + n[5] + n[6] + n[7] + n[8] + n[9] + n[10]
	plan.held, plan.breached, plan.dry, plan.nextPending, plan.lastEvent, plan.undoAt = k + 0, l + 0, m + 0, o + 0, p + 0, q + 0
	plan.ahead, plan.reached, plan.firstEvent, plan.turns = r, t + 0, u + 0, v + 0
	return true
end

local function formatFacts()
	return format('%d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %s %d %d %d', n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10],
		plan.held, plan.breached, plan.dry, plan.nextPending, plan.lastEvent, plan.undoAt, plan.ahead,
		math.max(plan.reached, plan.nextPending), plan.firstEvent, plan.turns)
end

local function parseRules(s)
	local a, b, c, d, e, f, g, h, i, j, k, l =
		match(s or '', '^(%d+) (%d) (%d) (%d) (%d) (%d) (%d) (%d) (%d+) (%d+) (%d+) (%d+)$')
	if not a then
		return false
	end
	plan.state, plan.claimsRunning, plan.stopRunning, plan.stopUndo = a + 0, b == '1', c + 0, d
	plan.resting, plan.undoOpen, plan.sequential, plan.over = e, f == '1', g == '1', h == '1'
	plan.open, plan.maxSlots, plan.maxFailed, plan.round = i + 0, j + 0, k + 0, l
	return true
end

-- missing tells a plan that is not there from one whose record was lost.
local function missing()
	if redis.call('EXISTS', record, base .. 'n:0') > 0 then
		return corrupt(record, 'the record is missing, or its stage')
	end
	return '!notfound'
end

-- take keeps the record's fields version, rules and facts as they are stored.
local function take(stage, v, r, f)
	if stage ~= 'ready' then
		return stage and '!notfound' or missing()
	end
	if not v or not r or not f then
		return corrupt(record, 'version, rules or facts are missing')
	end
	plan.version, plan.rules, plan.facts = v, r, f
end

-- understand takes rules and facts apart.
local function understand()
	if not plan.version or not parseFacts(plan.facts) or not parseRules(plan.rules) then
		return corrupt(record, 'version, rules or facts make no sense')
	end
end

-- load is take from the store, for scripts that need nothing else of the record.
local function load()
	local r = redis.pcall('HMGET', record, 'stage', 'version', 'rules', 'facts')
	if r.err then
		return corrupt(record, r.err)
	end
	return take(r[1], r[2], r[3], r[4]) or understand()
end

-- snapshot frames the whole plan for a reader, after a flag.
local function snapshot(flag)
	local r = redis.call('HMGET', record, 'spec', 'control', 'created', 'changed')
	if not r[1] or not r[2] or not r[3] or not r[4] then
		return corrupt(record, 'spec, control, created or changed is missing')
	end
	return '=' .. flag .. plan.version .. '|' .. plan.rules .. '|' .. plan.facts .. '|' .. r[3] .. '|' .. r[4] .. '|' .. now .. '|'
		.. sized(r[1]) .. sized(r[2])
end

-- atRest is plan.Plan.AtRest over rules and facts.
local function atRest()
	if n[2] + n[8] > 0 or plan.resting == '0' then
		return false
	end
	if plan.resting == '3' then
		return n[3] == 0
	end
	return plan.resting == '2' or plan.breached == 0 and n[5] <= plan.maxFailed and n[1] == 0 and n[3] > 0
end

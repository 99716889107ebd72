-- Shared: the head of a task. Uses begin.
--
-- A head is one line:
--   <state><request> <token> <seq> <losses> <elapsed> <updated>
--   <kept> <version> <attempt> <alone> <started> <ended> <turn> <retried> <wait> <previous>
--   <claim> <worker>
-- seq is the worker's last change under token; while seq is 0, previous may be the last change
-- under an older token, as token/seq. kept records what is stored beside the head, as a sum: 1 a
-- checkpoint, 2 an undo log, 4 a failure, 8 attempts; the characters after 9 are : ; < = > ?. turn
-- is the task's place in order. claim, the field in the index held, and worker exist while a worker
-- holds the task.
--
-- wait is 0, or the reason of the last wait (h hold, b backoff, p proving) and the time when it is
-- over, in microseconds. The reason is a capital letter while the task is waiting: no worker holds
-- it, but it keeps its slot.
--
-- Invariant: field <f>c, <f>u, <f>f or <f>a exists if and only if kept has its bit.
--
-- Changes that find a head as its worker left it need not parse it: lib/save.lua and quick_end
-- compare its beginning. Everything else goes through parse_head and format_head.
-- provides: parse_head, format_head, token_of, kept_of, has, with, without

local pattern = '^(%a)(%d) (%d+) (%d+) (%d+) (%d+) (%d+) ([0-?]) (%d+) (%d+) (%d) (%d+) (%d+) (%d+) (%-?%d+) (%w+) (%S+) ?(%S*) ?(.*)$'

-- parse_head parses a head; it returns nothing if the head is malformed. All fields are strings,
-- except the number kept.
local function parse_head(h)
  local state, request, token, seq, losses, elapsed, updated, kept, version, attempt, alone, started, ended, turn, retried, wait,
    previous, claim, worker = match(h or '', pattern)
  if state and (wait == '0' or match(wait, '^[hbpq]%d+$') or find(wait, '^[HBPQ]%d+$') and (state == 'r' or state == 'b')) then
    return {
      state = state, request = request, token = token, seq = seq, losses = losses, elapsed = elapsed, updated = updated,
      kept = byte(kept) - 48, version = version, attempt = attempt, alone = alone, started = started, ended = ended, turn = turn,
      retried = retried, wait = wait, previous = previous, claim = claim, worker = worker,
    }
  end
end

-- format_head builds a head from its fields, changed now. No space follows previous: the allocator
-- would round most finished tasks up by another 16 bytes.
local function format_head(t)
  local held = t.claim ~= '' and ' ' .. t.claim .. ' ' .. t.worker or ''
  return t.state .. t.request .. ' ' .. t.token .. ' ' .. t.seq .. ' ' .. t.losses .. ' ' .. t.elapsed .. ' ' .. now .. ' '
    .. char(48 + t.kept) .. ' ' .. t.version .. ' ' .. t.attempt .. ' ' .. t.alone .. ' ' .. t.started .. ' ' .. t.ended .. ' '
    .. t.turn .. ' ' .. t.retried .. ' ' .. t.wait .. ' ' .. t.previous .. held
end

-- token_of returns the token of a well-formed head.
local function token_of(h)
  return match(h, '^%S+ (%d+)') + 0
end

-- kept_of returns the field kept of a head, nothing if the head is malformed.
local function kept_of(h)
  local kept = match(h, '^%S+ %d+ %d+ %d+ %d+ %d+ ([0-?]) ')
  return kept and byte(kept) - 48
end

-- has reports whether kept has a bit; with and without return kept with the bit and without it.
local function has(kept, bit)
  return floor(kept / bit) % 2 == 1
end

local function with(kept, bit)
  return has(kept, bit) and kept or kept + bit
end

local function without(kept, bit)
  return has(kept, bit) and kept - bit or kept
end

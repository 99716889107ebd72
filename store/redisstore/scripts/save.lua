-- use: begin, save
--
-- Commits nothing but saves, each of a task that only its worker has changed. In a plan with few
-- tasks in flight, this is the most frequent commit. The script has the same effect as commit.lua,
-- but makes no preparations for other kinds of changes.
--
-- KEYS and ARGV as in commit.lua
--
-- Returns the same as commit.lua, or "=?" if a task is not as its worker left it or anything else
-- is unusual: then nothing was written, and commit.lua has to be called.

local changes = ARGV[1] + 0
local r = redis.pcall('HMGET', record, 'stage', 'version', 'rules', 'facts')
local stopping = match(r[3] or '', '^%d+ %d (%d)')
if r[1] ~= 'ready' or not r[2] or not r[4] or not stopping or sub(r[3], -4) ~= ' 0 0' then -- a wave is being undone
  return '=?'
end

local sets, i, done = {}, 8, 0
while done < changes do
  local key, count = KEYS[#sets + 2], ARGV[i + 1] + 0
  i = i + 2
  local q = { 'HMGET', key }
  for w = 0, count - 1 do
    q[w + 3] = ARGV[i + w * 4]
  end
  local heads, set = redis.pcall(unpack(q)), { 'HSET', key }
  for w = 1, count do
    local f, h = ARGV[i], heads[w]
    local next = h and quick_save(h, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
    if not next then
      return '=?'
    end
    set[#set + 1] = f
    set[#set + 1] = next
    if ARGV[i + 3] ~= '' then
      set[#set + 1] = f .. 'c'
      set[#set + 1] = ARGV[i + 3]
    end
    i = i + 4
  end
  sets[#sets + 1] = set
  done = done + count
end
for _, set in ipairs(sets) do
  redis.call(unpack(set))
end
return '=-0000' .. r[2] .. '|' .. r[3] .. '|' .. r[4] .. '|' .. now .. '|0|' .. string.rep('R' .. stopping .. '.', changes)

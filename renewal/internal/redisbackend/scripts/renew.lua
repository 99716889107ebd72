-- renew: sets the TTL of each key that holds its owner's token. It changes no other key.
--
-- KEYS  1 to 100 keys; in a cluster all in one slot
-- ARGV  [1]  the TTLs to leave unchanged: "" none, "XX" of persistent keys,
--            "GT" of persistent keys and longer ones
--       [2]  TTL in ms, [3] token: the same for all keys
--       or   [2..] TTL and token of each key in turn
--
-- Returns a flat list, with three numbers for each key whose TTL was not set: position (from 1),
-- code and TTL. The list is empty if all TTLs were set.
--   code 0: the key does not exist
--   code 1: the key holds another token
--   code 2: the key is not a string
--   code 3: the key holds the token, and its TTL was left unchanged: TTL in ms, -1 for none
--
-- For a key that is not a string, MGET returns nil, whereas GET would abort the script before it
-- renewed the other keys.
--
-- The script does all its reads before it sets the first TTL, so that a user who lacks a permission
-- to read is refused before anything has changed.
local form = ARGV[1]
local shared = #ARGV == 3
local out = {}

local function report(i, code, left)
  out[#out + 1] = i
  out[#out + 1] = code
  out[#out + 1] = left or 0
end

-- left_alone returns whether to leave the TTL of a key unchanged, and that TTL.
local function left_alone(key, ttl)
  if form == '' then
    return false
  end
  local left = redis.call('PTTL', key)
  return left == -1 or (form == 'GT' and left >= tonumber(ttl)), left
end

-- all_hold reports whether each value is the one token, as it nearly always is.
local function all_hold(values)
  local token = ARGV[3]
  for i = 1, #KEYS do
    if values[i] ~= token then
      return false
    end
  end
  return true
end

local function renew()
  local due, ttls = {}, {}
  local values = redis.call('MGET', unpack(KEYS))
  if shared and form == '' and all_hold(values) then
    local ttl = ARGV[2]
    for i = 1, #KEYS do
      redis.call('PEXPIRE', KEYS[i], ttl)
    end
    return out
  end
  for i, key in ipairs(KEYS) do
    local ttl, token = ARGV[2], ARGV[3]
    if not shared then
      ttl, token = ARGV[2 * i], ARGV[2 * i + 1]
    end
    if values[i] == token then
      local alone, left = left_alone(key, ttl)
      if alone then
        report(i, 3, left)
      else
        due[#due + 1] = key
        ttls[#due] = ttl
      end
    elseif values[i] then
      report(i, 1)
    elseif redis.call('EXISTS', key) == 1 then
      report(i, 2)
    else
      report(i, 0)
    end
  end
  for i, key in ipairs(due) do
    redis.call('PEXPIRE', key, ttls[i])
  end
  return out
end

local key = KEYS[1]
return explain(renew, {{'MGET', key}, {'EXISTS', key}, {'PTTL', key}, {'PEXPIRE', key, '1'}})

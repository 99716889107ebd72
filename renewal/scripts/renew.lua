-- renew: sets the TTL of keys that hold their owner's token, and of no others.
--
-- KEYS  1 to 100 keys; in a cluster all of one slot
-- ARGV  [1]  which TTLs to leave alone: "" none, "XX" persistent keys, "GT" longer ones
--       [2]  TTL in ms, [3] token: the same for all keys
--       or   [2..] TTL and token of each key in turn
--
-- Returns a flat list of three numbers for each key that was not simply renewed,
-- position (from 1), code and TTL: empty if all were.
--   code 0: the key does not exist
--   code 1: it holds another token
--   code 2: it is not a string
--   code 3: it holds the token and its TTL was left alone: TTL in ms, -1 for none
--
-- MGET answers nil for a key that is not a string, where GET would end the script
-- with the keys after it not renewed.
local form = ARGV[1]
local shared = #ARGV == 3
local out = {}
local values = redis.call('MGET', unpack(KEYS))
for i, key in ipairs(KEYS) do
  local ttl, token = ARGV[2], ARGV[3]
  if not shared then
    ttl, token = ARGV[2 * i], ARGV[2 * i + 1]
  end
  local code, left
  if values[i] == token then
    if form == '' then
      redis.call('PEXPIRE', key, ttl)
    elseif redis.call('PEXPIRE', key, ttl, form) == 0 then
      code, left = 3, redis.call('PTTL', key)
    end
  elseif values[i] then
    code = 1
  elseif redis.call('EXISTS', key) == 1 then
    code = 2
  else
    code = 0
  end
  if code then
    out[#out + 1] = i
    out[#out + 1] = code
    out[#out + 1] = left or 0
  end
end
return out

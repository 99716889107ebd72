-- Reads the places that are taken in a quota.
--
-- KEYS[1] as in occupy.lua
--
-- Returns "=" and per place two texts, each preceded by its length and ";": plan SP ordinal, and
-- the value. A place may be returned twice.

local out, cursor = { '=' }, '0'
repeat
  local page = redis.pcall('HSCAN', KEYS[1], cursor, 'COUNT', 1000)
  if page.err then
    return '!corrupt ' .. #KEYS[1] .. ':' .. KEYS[1] .. page.err
  end
  for _, text in ipairs(page[2]) do
    out[#out + 1] = #text .. ';' .. text
  end
  cursor = page[1]
until tostring(cursor) == '0'
return concat(out)

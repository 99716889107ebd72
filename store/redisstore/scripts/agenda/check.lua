-- use: agenda
--
-- Restores plans whose entry or stamp is lost: they are due now.
--
-- KEYS of lib/agenda.lua
-- ARGV per plan: id, and how: 1 for a plan at rest, c for one that is being created or
--   removed, otherwise 0
--
-- Returns "=".

for i = 1, #ARGV, 2 do
  local stamp, kind = entry(ARGV[i])
  if not kind or not redis.call('ZSCORE', agenda, ARGV[i]) then
    if ARGV[i + 1] == 'c' then
      set_entry(ARGV[i], math.max(stamp + 1, now), 'c', 0)
      put(ARGV[i], now)
    elseif kind ~= 'g' or ARGV[i + 1] == '0' then
      wake(ARGV[i], 0)
    end
  end
end
return '='

-- use: agenda
--
-- Restores plans that have lost their entry in agenda or in stamps, by making them due now.
--
-- KEYS as in lib/agenda.lua
-- ARGV per plan: id, and its situation: 1 at rest, c being created or removed, otherwise 0. A plan
--   at rest needs no entry in agenda.
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

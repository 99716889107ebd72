-- use: plan
--
-- Reads a plan.
--
-- KEYS[1] the plan's record
--
-- Returns "=0" version "|" rules "|" facts "|" created "|" changed "|" now "|"
-- <n>:<spec as JSON> <n>:<control as JSON>. created is 0 if spec has it.

return load() or snapshot('0')

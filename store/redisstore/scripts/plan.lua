-- use: begin, plan
--
-- Reads a plan.
--
-- KEYS[1] the plan's record
--
-- Returns "=0" version "|" rules "|" facts "|" created "|" changed "|" now "|"
-- spec and control as JSON, sized. created is 0 if spec has it.

return load() or snapshot('0')

-- use: begin, plan
--
-- Reads a plan.
--
-- KEYS[1] the plan's record
--
-- Returns "=0" version "|" rules "|" facts "|" created "|" changed "|" now "|", then spec and
-- control as JSON, each sized. created is when the creation of the plan began; a time of creation
-- in spec takes precedence over it.

return load() or snapshot('0')

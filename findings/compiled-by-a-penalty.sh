#!/usr/bin/env bash
# Scans of tables that are switched off, for a statement that has no other plan.
#
# Guess: "enable_seqscan = off" makes a statement use an index where it has one. A statement on a small table without
# one is scanned all the same, and takes as long as before.
#
# Seen: PostgreSQL 15.20 charges the scan with a penalty of 10,000,000,000, and that is far above the costs from which on
# it compiles and optimizes a statement (jit_above_cost, jit_optimize_above_cost, jit_inline_above_cost). So it compiles a
# statement on three rows, at each execution, prepared or not, which takes thousands of times as long as the scan. Who
# switches scans off has to switch "jit" off with them.
set -euo pipefail

dir=$(mktemp -d)
source "$(dirname "$0")/common.bash"
source "$(dirname "$0")/postgres.bash"
trap 'end_postgres; rm -rf "$dir"' EXIT

postgres autovacuum=off
sql "CREATE TABLE leases (worker text, until bigint)" \
	"INSERT INTO leases SELECT 'worker ' || i, i FROM generate_series(1, 3) AS i" "ANALYZE leases"

# times SETTING...: the time in ms of the fifth execution of a prepared statement, and whether it was compiled.
times() {
	sql "$@" "SET plan_cache_mode = force_generic_plan" \
		"PREPARE over (bigint) AS SELECT count(*) FROM leases WHERE until <= \$1 AND worker <> ''" \
		"EXECUTE over (2)" "EXECUTE over (2)" "EXECUTE over (2)" "EXECUTE over (2)" "EXPLAIN (ANALYZE) EXECUTE over (2)" |
		awk '/^JIT:/ { jit = ", compiled" } /^Execution Time:/ { print $3 jit }'
}

usual=$(times "SET enable_seqscan = on")
off=$(times "SET enable_seqscan = off")
without=$(times "SET enable_seqscan = off" "SET jit = off")
printf 'scans on: %s\nscans off: %s\nscans off, jit off: %s\n' "$usual" "$off" "$without"
[[ $usual != *compiled && $off == *compiled && $without != *compiled ]]
awk -v off="${off%,*}" -v usual="$usual" 'BEGIN { exit !(off > 20 * usual) }'

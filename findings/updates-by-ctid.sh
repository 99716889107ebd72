#!/usr/bin/env bash
# Updates that find their row by its ctid, the place that the update before has returned.
#
# Guess: nothing finds a row faster than its ctid, and how a row was found makes no difference to what the update does
# with the page: whether the new version fits beside the old one (a HOT update) depends on the page alone.
#
# Seen: PostgreSQL 15.20 clears a page of dead versions when it reads the page in a scan of an index or of the table,
# and not when it fetches a row by ctid. Rows that are updated by ctid alone fill their pages with dead versions, though
# nobody can see these any more, and then move to other pages, with new entries in the index. By primary key the same
# updates are all HOT, and the table stays as large as it was.
set -euo pipefail

dir=$(mktemp -d)
source "$(dirname "$0")/common.bash"
source "$(dirname "$0")/postgres.bash"
trap 'end_postgres; rm -rf "$dir"' EXIT

postgres autovacuum=off

# updates TABLE CONDITION: updates each of 100 rows 40 times, each time in a transaction of its own; prints the share of
# HOT updates, and how many times as large the table has become.
updates() {
	sql "CREATE TABLE $1 (id int PRIMARY KEY, data text) WITH (fillfactor = 50)" \
		"INSERT INTO $1 SELECT i, repeat('x', 200) FROM generate_series(1, 100) AS i" \
		"CREATE TABLE $1_before AS SELECT pg_relation_size('$1') AS size" \
		"DO \$\$ DECLARE place tid[] := array(SELECT ctid FROM $1 ORDER BY id); next tid; BEGIN
			FOR turn IN 1..40 LOOP
				FOR n IN 1..100 LOOP
					EXECUTE 'UPDATE $1 SET data = data WHERE $2 RETURNING ctid' INTO next USING n, place[n];
					place[n] := next;
					COMMIT;
				END LOOP;
			END LOOP;
		END \$\$"
	sql "SELECT round(n_tup_hot_upd::numeric / n_tup_upd, 1) || ' HOT, table ' || pg_relation_size('$1') / size || ' times as large'
		FROM pg_stat_user_tables, $1_before WHERE relname = '$1'"
}

seen="by primary key: $(updates by_key 'id = $1')
by ctid: $(updates by_place 'ctid = $2')"
echo "$seen"
[[ $seen =~ ^'by primary key: 1.0 HOT, table 1 times as large'$'\n''by ctid: '0.[0-9]' HOT, table '([0-9]+)' times as large'$ ]]
((BASH_REMATCH[1] > 3))

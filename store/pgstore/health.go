package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Health is what makes a PostgreSQL slow that keeps plans: dead rows that cannot be removed, and
// who holds them.
type Health struct {
	// Tables are those of the schema that have rows, the one with the most dead rows first.
	Tables []TableHealth
	// Oldest is the transaction, replication slot or prepared transaction that keeps the oldest
	// dead rows of the database from being removed; its Holder is empty if there is none but the
	// question itself.
	Oldest Horizon
}

// TableHealth are the statistics of a table, as the server has counted them since they were reset.
type TableHealth struct {
	Name string
	// Live and Dead are estimates of the numbers of rows.
	Live, Dead int64
	// Updates is the number of updates, HOT the share of those that touched no index, from 0 to 1.
	Updates int64
	HOT     float64
	// Vacuumed is when dead rows were last removed; zero if never.
	Vacuumed time.Time
	// Bytes is the size, with indexes.
	Bytes int64
}

// Horizon is the oldest state of the database that somebody may still read.
type Horizon struct {
	// Holder says who: a process with its user, application and state, a slot, or a prepared
	// transaction. The user and the state of other users' processes are shown to members of the
	// role pg_read_all_stats only.
	Holder string
	// Transactions is how many transactions ago that was, Since for how long the process's
	// transaction has been open; 0 for slots.
	Transactions int64
	Since        time.Duration
}

const tableHealth = `SELECT s.relname::text, s.n_live_tup, s.n_dead_tup, s.n_tup_upd, s.n_tup_hot_upd / greatest(s.n_tup_upd, 1)::float8,
	greatest(s.last_vacuum, s.last_autovacuum), pg_total_relation_size(s.relid)
	FROM pg_catalog.pg_stat_user_tables AS s WHERE s.schemaname = $1 AND s.n_live_tup + s.n_dead_tup > 0 ORDER BY s.n_dead_tup DESC, s.relname`

const horizon = `SELECT holder, age, seconds FROM (
	SELECT format('process %s, user %s, application %s, %s', pid, usename, application_name, state) AS holder,
		age(coalesce(backend_xmin, backend_xid)) AS age, coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8 AS seconds
		FROM pg_catalog.pg_stat_activity WHERE coalesce(backend_xmin, backend_xid) IS NOT NULL AND pid <> pg_backend_pid()
		AND (datname = current_database() OR backend_type = 'walsender')
	UNION ALL SELECT format('replication slot %s', slot_name), age(coalesce(xmin, catalog_xmin)), 0
		FROM pg_catalog.pg_replication_slots WHERE coalesce(xmin, catalog_xmin) IS NOT NULL
	UNION ALL SELECT format('prepared transaction %s of %s', gid, owner), age(transaction), extract(epoch FROM clock_timestamp() - prepared)::float8
		FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()
	) AS h ORDER BY age DESC, seconds DESC LIMIT 1`

// Health asks the server about the tables and about what keeps their dead rows. It is for people
// and for metrics, a few times a minute.
func (s *Store) Health(ctx context.Context) (h Health, err error) {
	err = s.auto(ctx, func(t *tx) {
		t.each(func(r pgx.Rows) error {
			var w TableHealth
			var vacuumed *time.Time
			if err := r.Scan(&w.Name, &w.Live, &w.Dead, &w.Updates, &w.HOT, &vacuumed, &w.Bytes); err != nil {
				return err
			}
			if vacuumed != nil {
				w.Vacuumed = vacuumed.UTC()
			}
			h.Tables = append(h.Tables, w)
			return nil
		}, tableHealth, s.cfg.Schema)
		var seconds float64
		t.each(func(r pgx.Rows) error {
			err := r.Scan(&h.Oldest.Holder, &h.Oldest.Transactions, &seconds)
			h.Oldest.Since = time.Duration(seconds * float64(time.Second))
			return err
		}, horizon)
	})
	if err != nil {
		return Health{}, fmt.Errorf("health: %w", err)
	}
	return h, nil
}

package sqlbench

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const floorTables = `
CREATE TABLE plans (id int PRIMARY KEY, rev bigint NOT NULL, running int NOT NULL, completed int NOT NULL) WITH (fillfactor = 50);
CREATE TABLE tasks (ordinal int PRIMARY KEY, state smallint NOT NULL, token bigint NOT NULL, at bigint NOT NULL, data bytea) WITH (fillfactor = 70);
CREATE TABLE events (rev bigint PRIMARY KEY, ordinals int[] NOT NULL);
INSERT INTO plans VALUES (1, 0, 0, 0)`

const floorChange = `WITH u AS (
	UPDATE tasks AS t SET state = 1 + x.ended, token = x.new, at = $1, data = coalesce(x.data, t.data)
	FROM unnest($2::int[], $3::int[], $4::bigint[], $5::bigint[], $6::bytea[]) AS x (ordinal, ended, old, new, data)
	WHERE t.ordinal = x.ordinal AND t.token = x.old RETURNING t.ordinal, x.old, x.ended
), c AS (
	SELECT array_agg(ordinal) AS ordinals, count(*) FILTER (WHERE old = 0) AS taken, sum(ended) AS ended FROM u
), p AS (
	UPDATE plans SET rev = rev + 1, running = running + c.taken - c.ended, completed = completed + c.ended FROM c WHERE id = 1 RETURNING rev
)
INSERT INTO events SELECT p.rev, c.ordinals FROM p, c RETURNING cardinality(ordinals)`

// floorOnPostgres has one round trip for a commit.
func floorOnPostgres(r *run) {
	c, err := pgx.Connect(r.ctx, r.url)
	r.ok(err)
	defer func() { _ = c.Close(r.ctx) }()
	_, err = c.Exec(r.ctx, floorTables)
	r.ok(err)
	_, err = c.CopyFrom(r.ctx, pgx.Identifier{"tasks"}, []string{"ordinal", "state", "token", "at"},
		pgx.CopyFromSlice(r.n, func(i int) ([]any, error) { return []any{int32(i + 1), int16(0), int64(0), int64(0)}, nil }))
	r.ok(err)
	_, err = c.Exec(r.ctx, "ANALYZE tasks") // or the cached plan may walk over all
	r.ok(err)
	r.bare(func(list []transition) error {
		ordinals, ended, old, next, data := make([]int32, len(list)), make([]int32, len(list)), make([]int64, len(list)), make([]int64, len(list)), make([][]byte, len(list))
		for i := range list {
			t := &list[i]
			ordinals[i], old[i], next[i], data[i] = int32(t.ordinal), t.old, t.new, t.data
			if t.ended {
				ended[i] = 1
			}
		}
		var b pgx.Batch
		changed := 0
		b.Queue("BEGIN")
		b.Queue("SELECT rev FROM plans WHERE id = 1 FOR UPDATE")
		b.Queue(floorChange, time.Now().UnixMicro(), ordinals, ended, old, next, data).QueryRow(func(row pgx.Row) error { return row.Scan(&changed) })
		b.Queue("COMMIT")
		if err := c.SendBatch(r.ctx, &b).Close(); err != nil {
			return err
		}
		if changed != len(list) {
			return fmt.Errorf("%d of %d changes", changed, len(list))
		}
		return nil
	})
	var completed, running int
	r.ok(c.QueryRow(r.ctx, "SELECT completed, running FROM plans").Scan(&completed, &running))
	if completed != r.n || running != 0 {
		r.Fatalf("%d completed, %d running", completed, running)
	}
	r.bytes = (sizeOf(r, "public", "tasks") + sizeOf(r, "public", "plans")) / float64(r.n)
	r.hot = hotOf(r, "tasks")
}

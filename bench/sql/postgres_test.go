package sqlbench

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/internal/pgtest"
)

// postgres is the server of a run of the benchmarks, with an empty database for each run of a
// subject.
type postgres struct {
	*pgtest.Server
	t         *testing.T
	databases int
	root      int // its first process
}

func startPostgres(t *testing.T) *postgres {
	t.Helper()
	p := &postgres{Server: pgtest.Start(t, "fsync=on", "shared_buffers=128MB", "max_wal_size=1GB"), t: t}
	c := p.connect(p.URL("postgres", pgtest.Superuser))
	defer func() { _ = c.Close(t.Context()) }()
	p.root = parent(int(c.PgConn().PID()))
	return p
}

func (p *postgres) connect(url string) *pgx.Conn {
	p.t.Helper()
	c, err := pgx.Connect(p.t.Context(), url)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// database makes an empty database, and writes what is left of the runs before to the disk.
func (p *postgres) database() (url string) {
	p.t.Helper()
	c := p.connect(p.URL("postgres", pgtest.Superuser))
	defer func() { _ = c.Close(p.t.Context()) }()
	p.databases++
	name := fmt.Sprint("bench", p.databases)
	for _, sql := range []string{"CREATE DATABASE " + name, "CHECKPOINT"} {
		if _, err := c.Exec(p.t.Context(), sql); err != nil {
			p.t.Fatal(err)
		}
	}
	return p.URL(name, pgtest.Superuser)
}

func (p *postgres) cpu() float64 { return treeCPU(p.root) }

// ask runs statements, and returns the number that the last one does.
func (r *run) ask(sql string, args ...any) (n float64) {
	r.Helper()
	c, err := pgx.Connect(r.ctx, r.url)
	r.ok(err)
	defer func() { _ = c.Close(r.ctx) }()
	r.ok(c.QueryRow(r.ctx, sql, args...).Scan(&n))
	return n
}

// sizeOf returns the bytes of a table, or of all of a schema, with its indexes, after VACUUM.
func sizeOf(r *run, schema, table string) float64 {
	r.Helper()
	c, err := pgx.Connect(r.ctx, r.url)
	r.ok(err)
	defer func() { _ = c.Close(r.ctx) }()
	_, err = c.Exec(r.ctx, "VACUUM")
	r.ok(err)
	return r.ask(`SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relkind = 'r' AND ($2 = '' OR c.relname = $2)`, schema, table)
}

// hotOf returns the share of the updates of a table that touched no index.
func hotOf(r *run, table string) float64 {
	time.Sleep(time.Second) // the server tells its statistics late
	return r.ask("SELECT coalesce(sum(n_tup_hot_upd) / greatest(sum(n_tup_upd), 1), 0)::float8 FROM pg_stat_user_tables WHERE relname = $1", table)
}

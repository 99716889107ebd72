//go:build crash

package crashsql

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/pgtest"
	"github.com/cutover-go/cutover/store/pgstore"
)

// postgresRows returns the rows about workers and a PostgreSQL.
func postgresRows(t *testing.T, deaths []crashtest.Death) []row {
	t.Helper()
	// Rows about workers share a server; its commits are on the disk when they are answered.
	shared := &server{Server: pgtest.Start(t, "fsync=on")}
	all := append(append(outageRows(), failoverRows()...), poolerRows(shared)...) // the slow ones first
	return append(append(all, lineRows(shared)...), workerRows(shared, deaths)...)
}

// server is a PostgreSQL.
type server struct {
	*pgtest.Server
	made atomic.Int64 // schemas
}

// alone starts a server for one row.
func alone(t *testing.T) *server {
	t.Helper()
	return &server{Server: pgtest.Start(t, "fsync=on")}
}

func (r *server) url() string { return r.URL("postgres", pgtest.Superuser) }

// site sets up a site with a schema of its own. The test itself connects to the server, while the
// workers connect to at.
func (r *server) site(t *testing.T, w crashtest.Way, at string) *site {
	t.Helper()
	direct := target{URL: r.url(), Schema: fmt.Sprintf("s%d", r.made.Add(1))}
	if err := pgstore.Migrate(t.Context(), direct.URL, pgstore.Config{Schema: direct.Schema}); err != nil {
		t.Fatal(err)
	}
	workers := direct
	workers.URL = at
	s := newSite(t, workers)
	s.Way = w
	s.look(direct)
	return s
}

// run runs a statement, on a connection of its own.
func run(t *testing.T, at, sql string, args ...any) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// workerRows returns the rows about workers that are killed and frozen.
func workerRows(r *server, deaths []crashtest.Death) []row {
	at := func(w crashtest.Way, do func(*crashtest.Site) *crashtest.Site) func(*testing.T) *site {
		return func(t *testing.T) *site {
			t.Helper()
			s := r.site(t, w, r.url())
			do(s.Site)
			return s
		}
	}
	all := crashtest.EveryWay(func(w crashtest.Way) []row {
		return []row{
			{
				Name: "kill -9", Extent: crashtest.Quick, Do: at(w, (*crashtest.Site).KillAnytime),
				Expect: "the other takes over within 1.5 leases and goes on to the end",
			},
			{
				Name: "SIGTERM", Extent: crashtest.Short, Do: at(w, (*crashtest.Site).StopInOrder),
				Expect: "stops at a boundary, hands back: the other goes on at once",
			},
			{
				Name: "SIGSTOP beyond the lease", Extent: crashtest.Short, Do: at(w, (*crashtest.Site).FrozenTooLong),
				Expect: "taken over; when it wakes up its writes are refused and its contexts end with ErrLeaseLost",
			},
		}
	})
	for _, d := range deaths {
		all = append(all, row{
			Name: "dies " + d.String(), Extent: crashtest.Short, Expect: "another goes on from the last commit",
			Do: at(crashtest.Way{}, func(s *crashtest.Site) *crashtest.Site { return s.KillAt(d) }),
		})
	}
	for _, d := range crashtest.BothSides(crashtest.Death{Op: crashtest.OpSave, N: 4, Freeze: true}) {
		all = append(all, row{
			Name: "freezes " + d.String(), Extent: crashtest.Short, Expect: "what it sends after the take-over is refused",
			Do: at(crashtest.Way{}, func(s *crashtest.Site) *crashtest.Site { return s.FreezeAt(d) }),
		})
	}
	return append(all, row{
		Name: "kill -9, lease of 10 s", Extent: crashtest.Short, Expect: "taken over within 15 s",
		Do: at(crashtest.Way{}, func(s *crashtest.Site) *crashtest.Site { return s.KillLongLease(10 * time.Second) }),
	}, row{
		Name: "kill -9, default lease of 30 s", Extent: crashtest.Long, Expect: "taken over within 40 s",
		Do: at(crashtest.Way{}, func(s *crashtest.Site) *crashtest.Site { return s.KillLongLease(30 * time.Second) }),
	})
}

// poolerRows returns the rows about workers behind a PgBouncer in transaction mode.
func poolerRows(r *server) []row {
	const mode = "transaction"
	return []row{
		{
			Name: "PgBouncer: kill -9", Extent: crashtest.Short, Expect: "as without it",
			Do: func(t *testing.T) *site {
				t.Helper()
				s := r.site(t, crashtest.Way{}, pgtest.StartPooler(t, r.Server, mode).URL("postgres", pgtest.Superuser))
				s.KillAnytime()
				return s
			},
		},
		{
			Name: "PgBouncer: killed, three times", Extent: crashtest.Short, Expect: "no commit is lost, no task fails",
			Do: func(t *testing.T) *site {
				t.Helper()
				p := pgtest.StartPooler(t, r.Server, mode)
				s := r.site(t, crashtest.Way{}, p.URL("postgres", pgtest.Superuser))
				return s.meanwhile(120, p.Restart)
			},
		},
		{
			Name: "PgBouncer: its server killed, three times", Extent: crashtest.Short, Expect: "no commit is lost, no task fails",
			Do: func(t *testing.T) *site {
				t.Helper()
				r := alone(t)
				s := r.site(t, crashtest.Way{}, pgtest.StartPooler(t, r.Server, mode).URL("postgres", pgtest.Superuser))
				return s.meanwhile(120, r.Restart)
			},
		},
	}
}

// meanwhile breaks something three times while commits are under way.
func (s *site) meanwhile(tenants int, fault func()) *site {
	s.Helper()
	s.Busy(tenants)
	for range 3 {
		fault()
		s.AwaitCount("", crashtest.Saved, s.Count("", crashtest.Saved)+20)
	}
	s.Complete()
	return s
}

// lineRows returns the rows about connections that break.
func lineRows(r *server) []row {
	return []row{
		{
			Name: "cut in the middle of answers", Extent: crashtest.Short, Expect: "nothing is lost, nothing is done twice but what was not saved",
			Do: func(t *testing.T) *site {
				t.Helper()
				cutter := crashtest.NewCutter(t, net.JoinHostPort("127.0.0.1", fmt.Sprint(r.Port())), 20_000, 40_000) // to open a store takes thousands
				s := r.site(t, crashtest.Way{}, through(t, r.url(), cutter.Addr))
				s.Busy(150)
				s.Complete()
				if n := cutter.Count(); n < 10 {
					t.Errorf("only %d connections were cut", n)
				}
				return s
			},
		},
		{
			Name: "pg_terminate_backend", Extent: crashtest.Short, Expect: "nothing is lost, nothing is done twice but what was not saved",
			Do: func(t *testing.T) *site {
				t.Helper()
				name := "application_name=terminated"
				s := r.site(t, crashtest.Way{}, r.url()+"&"+name)
				s.Busy(100)
				for range 25 {
					run(t, r.url(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'terminated'")
					time.Sleep(40 * time.Millisecond)
				}
				s.Complete()
				return s
			},
		},
	}
}

// through returns a URL with another address.
func through(t *testing.T, at, address string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = address
	return u.String()
}

// small makes a database whose tables are on a disk.
func (r *server) small(t *testing.T, d *disk) string {
	t.Helper()
	tables := filepath.Join(d.dir, "tables")
	makeOwned(t, tables)
	run(t, r.url(), fmt.Sprintf("CREATE TABLESPACE small LOCATION '%s'", tables))
	run(t, r.url(), "CREATE DATABASE small TABLESPACE small")
	return r.URL("small", pgtest.Superuser)
}

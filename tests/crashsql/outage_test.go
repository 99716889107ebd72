//go:build crash

package crashsql

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/pgtest"
	"github.com/cutover-go/cutover/store/pgstore"
)

// outageRows returns the rows about a server that breaks and keeps its data. Each has a server of
// its own.
func outageRows() []row {
	const none = "no acknowledged commit is lost, no task fails, the plan comes to its end"
	all := crashtest.EveryWay(func(w crashtest.Way) []row {
		return []row{{Name: "PostgreSQL killed, three times", Extent: crashtest.Short, Expect: none, Do: broken(w, func(r *server) { r.Restart() })}}
	})
	return append(all,
		row{Name: "an immediate shutdown, three times", Extent: crashtest.Short, Expect: none, Do: broken(crashtest.Way{}, func(r *server) { r.Abort(); r.Restart() })},
		row{Name: "a backend killed, three times", Extent: crashtest.Short, Expect: none, Do: backendKilled},
		row{Name: "PostgreSQL away beyond the lease", Extent: crashtest.Short, Expect: none, Do: away(2*crashtest.Lease + time.Second)},
		row{Name: "PostgreSQL away for 60 s", Extent: crashtest.Long, Expect: none, Do: away(time.Minute)},
		row{Name: "PostgreSQL frozen beyond the lease", Extent: crashtest.Short, Expect: none, Do: frozen(2 * crashtest.Lease)},
		row{Name: "PostgreSQL frozen within the lease", Extent: crashtest.Long, Expect: none, Do: frozen(crashtest.Lease / 2)},
		row{Name: "disk of the write-ahead log full", Extent: crashtest.Short, Expect: none + " when there is room", Do: logFull},
		row{Name: "disk full", Extent: crashtest.Short, Expect: none + " when there is room", Do: diskFull},
	)
}

// broken breaks a server three times while commits are under way.
func broken(w crashtest.Way, fault func(*server)) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		r := alone(t)
		return r.site(t, w, r.url()).meanwhile(120, func() { fault(r) })
	}
}

// backendKilled kills the process of a connection. The server then ends all others, and recovers.
func backendKilled(t *testing.T) *site {
	t.Helper()
	r := alone(t)
	return r.site(t, crashtest.Way{}, r.url()).meanwhile(120, func() {
		ctx := context.WithoutCancel(t.Context())
		c, err := pgx.Connect(ctx, r.url())
		if err != nil {
			t.Fatal(err)
		}
		pid := int(c.PgConn().PID())
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = c.Close(ctx) // nobody answers
	})
}

// away kills the server and restarts it after d.
func away(d time.Duration) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		r := alone(t)
		s := r.site(t, crashtest.Way{}, r.url())
		s.Busy(60)
		r.Kill()
		time.Sleep(d)
		r.Restart()
		s.Complete()
		return s
	}
}

// frozen freezes all processes of the server for d.
func frozen(d time.Duration) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		r := alone(t)
		s := r.site(t, crashtest.Way{}, r.url())
		s.Busy(60)
		r.Freeze()
		time.Sleep(d)
		r.Thaw()
		s.Complete()
		return s
	}
}

// diskFull fills the disk of the tables for two leases; that of the write-ahead log has room.
func diskFull(t *testing.T) *site {
	t.Helper()
	d := newDisk(t, 64)
	r := alone(t)
	at := target{URL: r.small(t, d), Schema: pgstore.DefaultSchema}
	if err := pgstore.Migrate(t.Context(), at.URL, pgstore.Config{}); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, at)
	s.look(at)
	s.Busy(200)
	d.fill()
	s.AwaitCount("", crashtest.Fault, 1)
	time.Sleep(2 * crashtest.Lease)
	d.empty()
	s.Complete()
	return s
}

// logFull fills the disk of the write-ahead log until the server ends by itself, and starts it
// again when there is room.
func logFull(t *testing.T) *site {
	t.Helper()
	d := newDisk(t, 48)
	r := &server{Server: pgtest.StartWithLog(t, filepath.Join(d.dir, "wal"), "fsync=on")}
	s := r.site(t, crashtest.Way{}, r.url())
	s.Busy(200)
	d.fill()
	c, err := pgx.Connect(t.Context(), r.url())
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // segments that are left over are used up
		_, err = c.Exec(t.Context(), "SELECT pg_logical_emit_message(false, 'filler', repeat('x', 500000))")
	}
	t.Logf("the server says: %v", err)
	_ = c.Close(t.Context())
	s.AwaitCount("", crashtest.Fault, 1)
	s.Await("the end of the server", r.Ended)
	time.Sleep(2 * crashtest.Lease)
	d.empty()
	r.Restart()
	s.Complete()
	return s
}

// nobody is the user as whom pgtest runs servers if the tests are root.
const nobody = 65534

// makeOwned makes a folder that belongs to the server.
func makeOwned(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
}

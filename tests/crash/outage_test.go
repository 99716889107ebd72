//go:build crash

package crash

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
)

// outages returns the rows about a Redis that is unavailable for a time and keeps its data.
func outages() []row {
	const none = "no acknowledged commit is lost, no task fails, the plan comes to its end"
	return append(crashtest.EveryWay(func(w crashtest.Way) []row {
		return []row{
			{Name: "Redis killed, three times", Extent: crashtest.Short, Do: restarts(w), Expect: none},
			{Name: "Redis away beyond the lease", Extent: crashtest.Short, Do: away(w, 2*crashtest.Lease+time.Second), Expect: none},
			{Name: "Redis away for 60 s", Extent: crashtest.Long, Do: away(w, time.Minute), Expect: none},
		}
	}), []row{
		{Name: "Redis frozen within the lease", Extent: crashtest.Short, Do: redisFrozen(crashtest.Lease / 2), Expect: none},
		{Name: "Redis frozen beyond the lease", Extent: crashtest.Short, Do: redisFrozen(2 * crashtest.Lease), Expect: none},
		{Name: "out of memory", Extent: crashtest.Short, Do: outOfMemory, Expect: none},
		{Name: "the user may not write", Extent: crashtest.Short, Do: mayNot("-@write"), Expect: none},
		{Name: "the user lacks one command of a script", Extent: crashtest.Short, Do: mayNot("-hdel"), Expect: none},
		{Name: "a replica that takes no writes", Extent: crashtest.Short, Do: readOnly, Expect: "reported; once it is master the plan completes"},
	}...)
}

// durable sets up a site with a server that writes to disk before it acknowledges.
func durable(t *testing.T) (*site, *redistest.Server) {
	t.Helper()
	return alone(t, "--appendonly", "yes", "--appendfsync", "always")
}

// restarts kills and restarts the server three times while commits are in flight.
func restarts(w crashtest.Way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := durable(t)
		s.Way = w
		s.Busy(120)
		for range 3 {
			server.Restart()
			s.AwaitCount("", crashtest.Saved, s.Count("", crashtest.Saved)+20)
		}
		return s.complete()
	}
}

// away kills the server and restarts it after d.
func away(w crashtest.Way, d time.Duration) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := durable(t)
		s.Way = w
		s.Busy(60)
		server.Kill()
		time.Sleep(d)
		server.Restart()
		return s.complete()
	}
}

// redisFrozen freezes the server for d, with all connections open.
func redisFrozen(d time.Duration) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := alone(t)
		s.Busy(60)
		server.Freeze()
		time.Sleep(d)
		server.Thaw()
		return s.complete()
	}
}

// outOfMemory makes the server refuse every write that needs memory, for two leases.
func outOfMemory(t *testing.T) *site {
	t.Helper()
	s, server := alone(t)
	s.Busy(60)
	s.fill(server)
	time.Sleep(2 * crashtest.Lease)
	if s.Count("", crashtest.Fault) == 0 {
		t.Error("no worker has told that the store refuses writes")
	}
	s.empty(server)
	return s.complete()
}

// mayNot revokes rights of the workers' user for two leases, and then grants all rights.
func mayNot(rights string) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := alone(t)
		s.Busy(60)
		may := func(rights string) {
			if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "default", rights).Err(); err != nil {
				t.Fatal(err)
			}
		}
		may(rights)
		time.Sleep(2 * crashtest.Lease)
		if s.Count("", crashtest.Fault) == 0 {
			t.Error("no worker has told that it lacks a right")
		}
		may("+@all")
		return s.complete()
	}
}

// readOnly connects a worker to a replica, which later becomes the master.
func readOnly(t *testing.T) *site {
	t.Helper()
	s, master := alone(t)
	s.Begin(20, 8)
	replica := redistest.Start(t, "--replicaof", "127.0.0.1 "+portOf(master))
	s.Await("the replica to have the plan", func() bool {
		return replica.Client().Exists(t.Context(), "crash:{p:1}:plan").Val() == 1
	})
	s.worker("worker", func(o *orders) { o.Target.Addrs = []string{replica.Addr()} })
	s.AwaitCount("worker", crashtest.Fault, 3)
	if n := s.Count("worker", crashtest.Started); n > 0 {
		t.Errorf("%d runs on a replica", n)
	}
	master.Kill()
	if err := replica.Client().Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	s.moveTo(target{Addrs: []string{replica.Addr()}})
	return s.complete()
}

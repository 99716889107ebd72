//go:build crash

package crash

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

// outages returns the rows about a Redis that is unavailable for a time and keeps its data.
func outages() []row {
	const none = "no acknowledged commit is lost, no task fails, the plan comes to its end"
	return append(everyWay(func(w way) []row {
		return []row{
			{name: "Redis killed, three times", extent: short, do: restarts(w), expect: none},
			{name: "Redis away beyond the lease", extent: short, do: away(w, 2*lease+time.Second), expect: none},
			{name: "Redis away for 60 s", extent: long, do: away(w, time.Minute), expect: none},
		}
	}), []row{
		{name: "Redis frozen within the lease", extent: short, do: redisFrozen(lease / 2), expect: none},
		{name: "Redis frozen beyond the lease", extent: short, do: redisFrozen(2 * lease), expect: none},
		{name: "out of memory", extent: short, do: outOfMemory, expect: none},
		{name: "the user may not write", extent: short, do: mayNot("-@write"), expect: none},
		{name: "the user lacks one command of a script", extent: short, do: mayNot("-hdel"), expect: none},
		{name: "a replica that takes no writes", extent: short, do: readOnly, expect: "reported; once it is master the plan completes"},
	}...)
}

// durable sets up a site with a server that writes to disk before it acknowledges.
func durable(t *testing.T) (*site, *redistest.Server) {
	t.Helper()
	return alone(t, "--appendonly", "yes", "--appendfsync", "always")
}

// busy starts a plan and two workers, and waits until both have saved steps. If the plan runs in
// sequence, only the first worker has something to do.
func (s *site) busy(tenants int) (first *proc) {
	s.Helper()
	s.begin(tenants, 8)
	first = s.worker("first")
	if s.way.inSequence {
		s.awaitCount("first", saved, 4)
		s.worker("other")
		return first
	}
	s.worker("other")
	s.awaitCount("first", saved, 4)
	s.awaitCount("other", saved, 4)
	return first
}

// complete waits for the end of the plan and adds up the figures.
func (s *site) complete() *site {
	s.Helper()
	s.finish()
	s.verdict(s.plan)
	return s
}

// restarts kills and restarts the server three times while commits are in flight.
func restarts(w way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := durable(t)
		s.way = w
		s.busy(120)
		for range 3 {
			server.Restart()
			s.awaitCount("", saved, s.count("", saved)+20)
		}
		return s.complete()
	}
}

// away kills the server and restarts it after d.
func away(w way, d time.Duration) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := durable(t)
		s.way = w
		s.busy(60)
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
		s.busy(60)
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
	s.busy(60)
	s.fill(server)
	time.Sleep(2 * lease)
	if s.count("", fault) == 0 {
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
		s.busy(60)
		may := func(rights string) {
			if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "default", rights).Err(); err != nil {
				t.Fatal(err)
			}
		}
		may(rights)
		time.Sleep(2 * lease)
		if s.count("", fault) == 0 {
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
	s.begin(20, 8)
	replica := redistest.Start(t, "--replicaof", "127.0.0.1 "+portOf(master))
	s.await("the replica to have the plan", func() bool {
		return replica.Client().Exists(t.Context(), "crash:{p:1}:plan").Val() == 1
	})
	s.worker("worker", func(o *orders) { o.Target.Addrs = []string{replica.Addr()} })
	s.awaitCount("worker", fault, 3)
	if n := s.count("worker", started); n > 0 {
		t.Errorf("%d runs on a replica", n)
	}
	master.Kill()
	if err := replica.Client().Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	s.moveTo(target{Addrs: []string{replica.Addr()}})
	return s.complete()
}

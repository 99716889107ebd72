//go:build crash

package crash

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/redistest"
)

// freezes returns the rows about workers that are frozen or cut off for a time.
func freezes() []row {
	return append(everyWay(func(w way) []row {
		return []row{
			{
				name: "SIGSTOP beyond the lease", extent: short, do: frozenTooLong(w),
				expect: "taken over; when it wakes up its writes are refused and its contexts end with ErrLeaseLost",
			},
			{
				name: "writes that arrive late", extent: short, do: lateWrites(w),
				expect: "the store refuses what a cut-off worker had sent before it lost its tasks",
			},
		}
	}), row{
		name: "SIGSTOP within the lease", extent: short, do: frozenShortly,
		expect: "nothing is taken over, and it goes on",
	})
}

// frozenTooLong freezes a worker in the middle of a step, and thaws it after others have taken over
// its tasks.
func frozenTooLong(w way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.way = w
		s.begin(30, 8)
		victim := s.pair()
		since := time.Now()
		victim.freeze()
		s.await("its tasks to be taken over", func() bool { return s.tookOver("victim", since) > 0 })
		s.await("the lease to be well over", func() bool { return time.Since(since) > 2*lease })
		victim.thaw()
		s.awaitCount("victim", ctxEnd, 1)
		s.finish()
		for _, e := range s.entries() {
			if e.Kind == ctxEnd && e.Note != executor.ErrLeaseLost.Error() {
				t.Errorf("a context ended with %q", e.Note)
			}
		}
		s.awaitCount("victim", lostOne, 1)
		s.verdict(s.plan)
		return s
	}
}

// frozenShortly freezes a worker for a third of its lease.
func frozenShortly(t *testing.T) *site {
	t.Helper()
	s, _ := alone(t)
	s.defs.Lease = 3 * lease
	s.begin(30, 8)
	victim := s.pair()
	since := time.Now()
	victim.freeze()
	time.Sleep(lease)
	victim.thaw()
	s.finish()
	if took := s.tookOver("victim", since); took > 0 {
		t.Errorf("a task was taken over, after %v", took)
	}
	if s.count("victim", lostOne) > 0 {
		t.Error("the lease was lost")
	}
	s.verdict(s.plan)
	return s
}

// lateWrites delays the requests of a worker in the network until others have taken over its tasks,
// and then delivers the requests.
func lateWrites(w way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := alone(t)
		s.way = w
		s.begin(15, 8)
		proxy := redistest.NewProxy(t, server.Addr())
		s.worker("victim", func(o *orders) { o.Target.Addrs, o.Pace = []string{proxy.Addr()}, 100*time.Millisecond })
		s.awaitCount("victim", effect, 10)
		since := time.Now()
		proxy.Blackhole(true)
		s.worker("other", func(o *orders) { o.Pace = 200 * time.Millisecond })
		s.await("its tasks to be taken over", func() bool { return s.tookOver("victim", since) > 0 })
		proxy.Blackhole(false)
		s.awaitCount("victim", refused, 1)
		s.finish()
		s.verdict(s.plan)
		return s
	}
}

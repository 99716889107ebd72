//go:build crash

package crash

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
)

// freezes returns the rows about workers that are frozen or cut off for a time.
func freezes() []row {
	return append(crashtest.EveryWay(func(w crashtest.Way) []row {
		return []row{
			{
				Name: "SIGSTOP beyond the lease", Extent: crashtest.Short, Do: frozenTooLong(w),
				Expect: "taken over; when it wakes up its writes are refused and its contexts end with ErrLeaseLost",
			},
			{
				Name: "writes that arrive late", Extent: crashtest.Short, Do: lateWrites(w),
				Expect: "the store refuses what a cut-off worker had sent before it lost its tasks",
			},
		}
	}), row{
		Name: "SIGSTOP within the lease", Extent: crashtest.Short, Do: frozenShortly,
		Expect: "nothing is taken over, and it goes on",
	})
}

// frozenTooLong freezes a worker, on a server of its own, until others have taken over.
func frozenTooLong(w crashtest.Way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.Way = w
		s.FrozenTooLong()
		return s
	}
}

func frozenShortly(t *testing.T) *site {
	t.Helper()
	s, _ := alone(t)
	s.FrozenShortly()
	return s
}

// lateWrites delays the requests of a worker in the network until others have taken over its tasks,
// and then delivers the requests.
func lateWrites(w crashtest.Way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := alone(t)
		s.Way = w
		s.Begin(15, 8)
		proxy := redistest.NewProxy(t, server.Addr())
		s.worker("victim", func(o *orders) { o.Target.Addrs, o.Pace = []string{proxy.Addr()}, 100*time.Millisecond })
		s.AwaitCount("victim", crashtest.Effect, 10)
		since := time.Now()
		proxy.Blackhole(true)
		s.worker("other", func(o *orders) { o.Pace = 200 * time.Millisecond })
		s.Await("its tasks to be taken over", func() bool { return s.TookOver("victim", since) > 0 })
		proxy.Blackhole(false)
		s.AwaitCount("victim", crashtest.Refused, 1)
		s.Finish()
		s.Verdict(s.Plan)
		return s
	}
}

//go:build crash

package crashtest

import (
	"time"

	"github.com/cutover-go/cutover/executor"
)

// FrozenTooLong freezes a worker in the middle of a step, and thaws it after others have taken over
// its tasks.
func (s *Site) FrozenTooLong() *Site {
	s.Helper()
	s.Begin(30, 8)
	victim := s.Pair()
	since := time.Now()
	victim.Freeze()
	s.Await("its tasks to be taken over", func() bool { return s.TookOver("victim", since) > 0 })
	s.Await("the lease to be well over", func() bool { return time.Since(since) > 2*Lease })
	victim.Thaw()
	s.AwaitCount("victim", CtxEnd, 1)
	s.Finish()
	for _, e := range s.Entries() {
		if e.Kind == CtxEnd && e.Note != executor.ErrLeaseLost.Error() {
			s.Errorf("a context ended with %q", e.Note)
		}
	}
	s.AwaitCount("victim", LostOne, 1)
	s.Verdict(s.Plan)
	return s
}

// FrozenShortly freezes a worker for a third of its lease.
func (s *Site) FrozenShortly() *Site {
	s.Helper()
	s.Defs.Lease = 3 * Lease
	s.Begin(30, 8)
	victim := s.Pair()
	since := time.Now()
	victim.Freeze()
	time.Sleep(Lease)
	victim.Thaw()
	s.Finish()
	if took := s.TookOver("victim", since); took > 0 {
		s.Errorf("a task was taken over, after %v", took)
	}
	if s.Count("victim", LostOne) > 0 {
		s.Error("the lease was lost")
	}
	s.Verdict(s.Plan)
	return s
}

// FreezeAt starts a worker that freezes itself at d, and thaws it after another one has taken over
// its tasks: then what it has sent, or goes on to send, comes too late.
func (s *Site) FreezeAt(d Death) *Site {
	s.Helper()
	victim := s.DieAt(d)
	victim.AwaitFrozen()
	since := time.Now()
	s.Launch("heir")
	s.Plan = s.Newest()
	s.Await("its tasks to be taken over", func() bool { return s.TookOver("victim", since) > 0 })
	victim.Thaw()
	s.AwaitCount("victim", LostOne, 1)
	s.Finish()
	s.Verdict(s.Plan)
	return s
}

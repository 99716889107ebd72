//go:build crash

package crashtest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Deaths returns the store calls before and after which a worker dies: first calls about a task,
// then calls about a plan.
func Deaths() []Death {
	return BothSides(
		Death{Op: OpClaim, N: 1},
		Death{Op: opUndo, N: 2},
		Death{Op: OpSave, N: 1},
		Death{Op: OpSave, N: 6},
		Death{Op: OpComplete, N: 1},
		Death{Op: OpComplete, N: 4}, // the last task of the plan
		Death{Op: OpRenew, N: 1},
		Death{Op: OpRelease, N: 1},
		Death{Op: opReschedule, N: 1},
		Death{Op: OpApply, N: 1}, // marks the plan as starting
		Death{Op: OpApply, N: 2}, // starts the plan
		Death{Op: OpApply, N: 3}, // ends the plan
		Death{Op: OpReserve, N: 2},
		Death{Op: opBegin, N: 1},
		Death{Op: opAdd, N: 2},
		Death{Op: opFinish, N: 1},
		Death{Op: OpHold, N: 1},
		Death{Op: OpHold, N: 4},
		Death{Op: opBackoff, N: 1},
		Death{Op: opBackoff, N: 4},
		Death{Op: opProving, N: 1},
		Death{Op: opProving, N: 4},
	)
}

// KillAt starts a worker that creates, starts and runs a plan, and dies at d. A second worker with
// the same commission continues.
func (s *Site) KillAt(d Death) *Site {
	s.Helper()
	s.DieAt(d).AwaitEnd()
	died := time.Now()
	s.Launch("heir")
	s.AwaitCount("heir", Made, 1)
	s.Plan = s.Newest()
	s.Finish()
	s.TookOver("victim", died)
	s.Verdict(s.Plan)
	if n := s.Plans(); n != 1 {
		s.Errorf("there are %d plans, want 1", n)
	}
	return s
}

// DieAt starts a worker that creates, starts and runs a plan, and dies at d. All workers get the
// same commission.
func (s *Site) DieAt(d Death) *Proc {
	s.Helper()
	c := &s.Defs.Commission
	c.Key, c.Name, c.Tenants, c.Concurrency, c.Waits = "k", "t", tenantsFor(d), 4, d.Waits()
	s.expectRetry = d.Waits()
	s.Defs.Capacity = 2
	if c.Tenants > store.MaxTenants {
		s.Defs.Pace = time.Millisecond // it is over in seconds nevertheless
	}
	return s.Launch("victim", func(o *Orders) {
		o.Death = d
		if d.Op == OpRenew {
			o.Pace = o.Lease // so that a task still runs when the worker renews its lease
		}
	})
}

// tenantsFor returns the number of tenants that a plan needs so that a worker makes the call of d.
// If d is the second call of an operation that works in batches, they are more than one batch.
func tenantsFor(d Death) int {
	switch {
	case d.Op == OpReserve && d.N > 1:
		return 130
	case d.Op == opAdd && d.N > 1:
		return store.MaxTenants + 30
	default:
		return 4
	}
}

// Newest returns the plan that the workers' commission created, according to the first entry of
// kind made in the ledger.
func (s *Site) Newest() plan.ID {
	s.Helper()
	for _, e := range s.Entries() {
		if e.Kind == Made && e.Step > 0 {
			return plan.ID(e.Step)
		}
	}
	s.Fatal("no plan was made")
	return 0
}

// KillAnytime kills a worker in the middle of a step while another worker runs tasks of the same
// plan.
func (s *Site) KillAnytime() *Site {
	s.Helper()
	s.Begin(40, 8)
	victim := s.Pair()
	victim.Kill()
	s.ExpectTakeOver(victim, time.Now(), 3*Lease/2)
	return s
}

// KillLongLease kills a worker that holds tasks under a lease of ttl, to measure how long a
// take-over takes.
func (s *Site) KillLongLease(ttl time.Duration) *Site {
	s.Helper()
	s.Defs.Lease = ttl
	s.Begin(6, 6)
	victim := s.Launch("victim", func(o *Orders) { o.Pace = time.Minute })
	s.AwaitCount("victim", Effect, 4)
	s.Launch("other")
	s.AwaitCount("other", Saved, 1)
	victim.Kill()
	s.ExpectTakeOver(victim, time.Now(), min(3*ttl/2, 40*time.Second))
	return s
}

// StopInOrder shuts down one of two workers.
func (s *Site) StopInOrder() *Site {
	s.Helper()
	s.Defs.Lease = 30 * time.Second
	s.Begin(40, 8)
	first := s.Pair()
	since := time.Now()
	first.Stop()
	s.Finish()
	if took := s.TookOver("victim", since); took > 5*time.Second {
		s.Errorf("what was handed back was taken up after %v", took)
	}
	s.Verdict(s.Plan)
	return s
}

// Pair starts two workers and returns the slower one when it is in the middle of a step. If the
// plan runs in sequence, the other worker has nothing to do yet.
func (s *Site) Pair() (slow *Proc) {
	s.Helper()
	slow = s.Launch("victim", func(o *Orders) { o.Pace = 300 * time.Millisecond })
	s.AwaitCount("victim", Saved, 4)
	s.Launch("other")
	if s.Way.InSequence {
		s.AwaitCount("other", Ready, 1)
	} else {
		s.AwaitCount("other", Saved, 4)
	}
	s.AwaitCount("victim", Effect, s.Count("victim", Effect)+1)
	return slow
}

// ExpectTakeOver waits for the end of the plan and fails the test unless others took over the
// victim's tasks within the limit.
func (s *Site) ExpectTakeOver(victim *Proc, since time.Time, limit time.Duration) {
	s.Helper()
	s.Finish()
	took := s.TookOver(victim.Orders.Name, since)
	if took == 0 || took > limit {
		s.Errorf("taken over after %v, want within %v\n%s", took, limit, s.Tail())
	}
	s.Verdict(s.Plan)
}

// Plans returns the number of plans in the store.
func (s *Site) Plans() int {
	s.Helper()
	all, err := s.Store.Plans(s.Context(), store.PlanQuery{})
	if err != nil {
		s.Fatal(err)
	}
	return len(all)
}

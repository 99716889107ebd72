//go:build crash

package crash

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// kills returns the rows about workers that die.
func kills(t *testing.T) []row {
	t.Helper()
	all := everyWay(func(w way) []row {
		return []row{
			{
				name: "kill -9", extent: quick, do: killAnytime(w),
				expect: "the other takes over within 1.5 leases and goes on to the end",
			},
			{
				name: "SIGTERM", extent: short, do: stopInOrder(w),
				expect: "stops at a boundary, hands back: the other goes on at once",
			},
		}
	})
	all = append(all,
		row{
			name: "kill -9, lease of 10 s", extent: short, do: killLongLease(10 * time.Second),
			expect: "taken over within 15 s",
		},
		row{
			name: "kill -9, default lease of 30 s", extent: long, do: killLongLease(30 * time.Second),
			expect: "taken over within 40 s",
		},
	)
	var shared *redistest.Server
	if extentOf(t) > quick {
		shared = redistest.Start(t)
	}
	for i, d := range deaths() {
		all = append(all, row{
			name: "dies " + d.String(), extent: short,
			expect: "another goes on from the last commit",
			do: func(t *testing.T) *site {
				t.Helper()
				return killAt(t, newSite(t, target{Addrs: []string{shared.Addr()}}, fmt.Sprintf("k%d:", i)), d)
			},
		})
	}
	return all
}

// deaths returns the store calls before and after which a worker dies: first calls about a task,
// then calls about a plan.
func deaths() []death {
	return bothSides(
		death{Op: opClaim, N: 1},
		death{Op: opUndo, N: 2},
		death{Op: opSave, N: 1},
		death{Op: opSave, N: 6},
		death{Op: opComplete, N: 1},
		death{Op: opComplete, N: 4}, // the last task of the plan
		death{Op: opRenew, N: 1},
		death{Op: opRelease, N: 1},
		death{Op: opReschedule, N: 1},
		death{Op: opApply, N: 1}, // marks the plan as starting
		death{Op: opApply, N: 2}, // starts the plan
		death{Op: opApply, N: 3}, // ends the plan
		death{Op: opReserve, N: 2},
		death{Op: opBegin, N: 1},
		death{Op: opAdd, N: 2},
		death{Op: opFinish, N: 1},
		death{Op: opHold, N: 1},
		death{Op: opHold, N: 4},
		death{Op: opBackoff, N: 1},
		death{Op: opBackoff, N: 4},
		death{Op: opProving, N: 1},
		death{Op: opProving, N: 4},
	)
}

// killAt starts a worker that creates, starts and runs a plan, and dies at d. A second worker with
// the same commission continues.
func killAt(t *testing.T, s *site, d death) *site {
	t.Helper()
	s.defs.Commission = commission{Key: "k", Name: "t", Tenants: tenantsFor(d), Concurrency: 4, Waits: d.waits()}
	s.expectRetry = d.waits()
	s.defs.Capacity = 2
	victim := s.worker("victim", func(o *orders) {
		o.Death = d
		if d.Op == opRenew {
			o.Pace = o.Lease // so that a task still runs when the worker renews its lease
		}
	})
	victim.awaitEnd()
	died := time.Now()
	s.worker("heir")
	s.awaitCount("heir", made, 1)
	s.plan = s.newest()
	s.finish()
	s.tookOver("victim", died)
	s.verdict(s.plan)
	if n := s.plans(); n != 1 {
		t.Errorf("there are %d plans, want 1", n)
	}
	return s
}

// tenantsFor returns the number of tenants that a plan needs so that a worker makes the call of d.
// If d is the second call of an operation that works in batches, they are more than one batch.
func tenantsFor(d death) int {
	if (d.Op == opReserve || d.Op == opAdd) && d.N > 1 {
		return 130
	}
	return 4
}

// newest returns the plan that the workers' commission created, according to the first entry of
// kind made in the ledger.
func (s *site) newest() plan.ID {
	s.Helper()
	for _, e := range s.entries() {
		if e.Kind == made && e.Step > 0 {
			return plan.ID(e.Step)
		}
	}
	s.Fatal("no plan was made")
	return 0
}

// killAnytime kills a worker in the middle of a step while another worker runs tasks of the same
// plan.
func killAnytime(w way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.way = w
		s.begin(40, 8)
		victim := s.pair()
		victim.kill()
		s.expectTakeOver(victim, time.Now(), 3*lease/2)
		return s
	}
}

// pair starts two workers and returns the slower one when it is in the middle of a step. If the
// plan runs in sequence, the other worker has nothing to do yet.
func (s *site) pair() (slow *proc) {
	s.Helper()
	slow = s.worker("victim", func(o *orders) { o.Pace = 300 * time.Millisecond })
	s.awaitCount("victim", saved, 4)
	s.worker("other")
	if s.way.inSequence {
		s.awaitCount("other", ready, 1)
	} else {
		s.awaitCount("other", saved, 4)
	}
	s.awaitCount("victim", effect, s.count("victim", effect)+1)
	return slow
}

// killLongLease is killAnytime with few tenants and a lease of ttl, to measure how long a take-over
// takes.
func killLongLease(ttl time.Duration) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.defs.Lease = ttl
		s.begin(6, 6)
		victim := s.worker("victim", func(o *orders) { o.Pace = time.Minute })
		s.awaitCount("victim", effect, 4)
		s.worker("other")
		s.awaitCount("other", saved, 1)
		victim.kill()
		s.expectTakeOver(victim, time.Now(), min(3*ttl/2, 40*time.Second))
		return s
	}
}

// expectTakeOver waits for the end of the plan and fails the test unless others took over the
// victim's tasks within the limit.
func (s *site) expectTakeOver(victim *proc, since time.Time, limit time.Duration) {
	s.Helper()
	s.finish()
	took := s.tookOver(victim.orders.Name, since)
	if took == 0 || took > limit {
		s.Errorf("taken over after %v, want within %v\n%s", took, limit, s.tail())
	}
	s.verdict(s.plan)
}

// stopInOrder shuts down one of two workers.
func stopInOrder(w way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.way = w
		s.defs.Lease = 30 * time.Second
		s.begin(40, 8)
		first := s.pair()
		since := time.Now()
		first.stop()
		s.finish()
		if took := s.tookOver("victim", since); took > 5*time.Second {
			t.Errorf("what was handed back was taken up after %v", took)
		}
		s.verdict(s.plan)
		return s
	}
}

// plans returns the number of plans in the store.
func (s *site) plans() int {
	s.Helper()
	all, err := s.store.Plans(s.Context(), store.PlanQuery{})
	if err != nil {
		s.Fatal(err)
	}
	return len(all)
}

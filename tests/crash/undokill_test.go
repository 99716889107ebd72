//go:build crash

package crash

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// undoKills returns the rows about workers that die in a rollback.
func undoKills(t *testing.T) []row {
	t.Helper()
	if extentOf(t) == quick {
		return nil
	}
	shared := redistest.Start(t)
	all := everyWayBack(func(w way) (all []row) {
		for i, d := range undoDeaths() {
			all = append(all, row{
				name:   "dies " + d.String(),
				expect: "another goes on from the last commit, nothing is undone twice but what was not saved",
				do: func(t *testing.T) *site {
					t.Helper()
					s := newSite(t, target{Addrs: []string{shared.Addr()}}, fmt.Sprintf("u%d-%t:", i, w.inSequence))
					s.way = w
					return undoKillAt(s, d)
				},
			})
		}
		return all
	})
	return append(all, row{
		name: "an undo that kills its workers", extent: short, do: poison,
		expect: "it fails with WORKER_LOST, the others are undone, and the next rollback undoes it too",
	})
}

// undoTenants is the number of tenants of the plans in these rows.
const undoTenants = 4

// undoDeaths returns the store calls before and after which a worker dies: first calls about an
// undo, then calls about a plan.
func undoDeaths() []death {
	return bothSides(
		death{Op: opClaim, N: 1},
		death{Op: opReserve, N: 2}, // the last call before the executor is called
		death{Op: opSave, N: 1},
		death{Op: opSave, N: 5},
		death{Op: opUndone, N: 1},
		death{Op: opUndone, N: undoTenants}, // the last undo of the plan
		death{Op: opUndoFail, N: 1},
		death{Op: opYield, N: 1},
		death{Op: opHold, N: 1},
		death{Op: opHold, N: undoTenants},
		death{Op: opRenew, N: 1},
		death{Op: opRelease, N: 1},
		death{Op: opApply, N: 1}, // ends the plan
	)
}

// undoKillAt starts a worker that undoes a plan and dies at d. A second worker continues.
func undoKillAt(s *site, d death) *site {
	s.Helper()
	s.defs.Capacity = 2
	s.begin(undoTenants, 4)
	victim := s.worker("victim", func(o *orders) {
		o.Death = d
		o.Commission.Waits = d.waits()
		switch d.Op {
		case opRenew:
			o.Pace = o.Lease // so that an undo still runs when the worker renews its lease
		case opUndoFail:
			o.Stubborn = "t-2"
		}
	})
	if d.Op == opYield {
		s.awaitCount("victim", effect, 1)
		s.cancel()
	}
	victim.awaitEnd()
	died := time.Now()
	s.worker("heir")
	if d.Op == opYield || d.Op == opUndoFail && d.After {
		s.finishAs(s.plan, plan.RollbackFailed)
		s.rollBack()
	}
	s.finish()
	s.tookOver("victim", died)
	s.verdict(s.plan)
	return s
}

// cancel cancels the rollback.
func (s *site) cancel() {
	s.Helper()
	if _, err := s.engine.Cancel(s.Context(), s.plan); err != nil {
		s.Fatal(err)
	}
}

// poison starts several workers, one after the other, that die before their first save, so that an
// undo fails with WORKER_LOST. The next rollback undoes that task.
func poison(t *testing.T) *site {
	t.Helper()
	s, _ := alone(t)
	s.way = way{undo: true, inSequence: true}
	s.begin(undoTenants, 1)
	atOnce := func(o *orders) { o.Death = death{Op: opSave, N: 1} }
	for i := range 4 { // one more than the default of Config.MaxLosses
		s.worker(fmt.Sprint("victim-", i+1), atOnce).awaitEnd()
	}
	next := s.worker("heir")
	s.finishAs(s.plan, plan.RollbackFailed)
	next.stop()
	failed := 0
	for _, u := range s.tasks(s.plan) {
		switch {
		case u.State == task.RollbackFailed && u.Failure != nil && u.Failure.ErrorCode == task.CodeWorkerLost:
			failed++
		case u.State != task.RolledBack:
			t.Errorf("task %s is %s, %+v", u.ID, u.State, u.Failure)
		}
	}
	if failed != 1 {
		t.Errorf("%d undos failed, want 1", failed)
	}
	s.rollBack()
	s.worker("victim-5", atOnce).awaitEnd() // losses in the previous round no longer count
	s.worker("heir-2")
	return s.complete()
}

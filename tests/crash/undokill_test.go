//go:build crash

package crash

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// undoKills returns the rows about workers that die in a rollback.
func undoKills(t *testing.T) []row {
	t.Helper()
	if crashtest.ExtentOf(t) == crashtest.Quick {
		return nil
	}
	shared := redistest.Start(t)
	all := crashtest.EveryWayBack(func(w crashtest.Way) (all []row) {
		for i, d := range undoDeaths() {
			all = append(all, row{
				Name:   "dies " + d.String(),
				Expect: "another goes on from the last commit, nothing is undone twice but what was not saved",
				Do: func(t *testing.T) *site {
					t.Helper()
					s := newSite(t, target{Addrs: []string{shared.Addr()}}, fmt.Sprintf("u%d-%t:", i, w.InSequence))
					s.Way = w
					return undoKillAt(s, d)
				},
			})
		}
		return all
	})
	return append(all, row{
		Name: "an undo that kills its workers", Extent: crashtest.Short, Do: poison,
		Expect: "it fails with WORKER_LOST, the others are undone, and the next rollback undoes it too",
	})
}

// undoTenants is the number of tenants of the plans in these rows.
const undoTenants = 4

// undoDeaths returns the store calls before and after which a worker dies: first calls about an
// undo, then calls about a plan.
func undoDeaths() []crashtest.Death {
	return crashtest.BothSides(
		crashtest.Death{Op: crashtest.OpClaim, N: 1},
		crashtest.Death{Op: crashtest.OpReserve, N: 2}, // the last call before the executor is called
		crashtest.Death{Op: crashtest.OpSave, N: 1},
		crashtest.Death{Op: crashtest.OpSave, N: 5},
		crashtest.Death{Op: crashtest.OpUndone, N: 1},
		crashtest.Death{Op: crashtest.OpUndone, N: undoTenants}, // the last undo of the plan
		crashtest.Death{Op: crashtest.OpUndoFail, N: 1},
		crashtest.Death{Op: crashtest.OpYield, N: 1},
		crashtest.Death{Op: crashtest.OpHold, N: 1},
		crashtest.Death{Op: crashtest.OpHold, N: undoTenants},
		crashtest.Death{Op: crashtest.OpRenew, N: 1},
		crashtest.Death{Op: crashtest.OpRelease, N: 1},
		crashtest.Death{Op: crashtest.OpApply, N: 1}, // ends the plan
	)
}

// undoKillAt starts a worker that undoes a plan and dies at d. A second worker continues.
func undoKillAt(s *site, d crashtest.Death) *site {
	s.Helper()
	s.Defs.Capacity = 2
	s.Begin(undoTenants, 4)
	victim := s.worker("victim", func(o *orders) {
		o.Death = d
		o.Commission.Waits = d.Waits()
		switch d.Op {
		case crashtest.OpRenew:
			o.Pace = o.Lease // so that an undo still runs when the worker renews its lease
		case crashtest.OpUndoFail:
			o.Stubborn = "t-2"
		}
	})
	if d.Op == crashtest.OpYield {
		s.AwaitCount("victim", crashtest.Effect, 1)
		s.cancel()
	}
	victim.AwaitEnd()
	died := time.Now()
	s.worker("heir")
	if d.Op == crashtest.OpYield || d.Op == crashtest.OpUndoFail && d.After {
		s.FinishAs(s.Plan, plan.RollbackFailed)
		s.RollBack()
	}
	s.Finish()
	s.TookOver("victim", died)
	s.Verdict(s.Plan)
	return s
}

// cancel cancels the rollback.
func (s *site) cancel() {
	s.Helper()
	if _, err := s.Engine.Cancel(s.Context(), s.Plan); err != nil {
		s.Fatal(err)
	}
}

// poison starts several workers, one after the other, that die before their first save, so that an
// undo fails with WORKER_LOST. The next rollback undoes that task.
func poison(t *testing.T) *site {
	t.Helper()
	s, _ := alone(t)
	s.Way = crashtest.Way{Undo: true, InSequence: true}
	s.Begin(undoTenants, 1)
	atOnce := func(o *orders) { o.Death = crashtest.Death{Op: crashtest.OpSave, N: 1} }
	for i := range 4 { // one more than the default of Config.MaxLosses
		s.worker(fmt.Sprint("victim-", i+1), atOnce).AwaitEnd()
	}
	next := s.worker("heir")
	s.FinishAs(s.Plan, plan.RollbackFailed)
	next.Stop()
	failed := 0
	for _, u := range s.Tasks(s.Plan) {
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
	s.RollBack()
	s.worker("victim-5", atOnce).AwaitEnd() // losses in the previous round no longer count
	s.worker("heir-2")
	return s.complete()
}

//go:build crash

package crash

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// undoRaces returns the rows about commands for a rollback that coincide with a fault.
func undoRaces() []row {
	return crashtest.EveryWayBack(func(w crashtest.Way) []row {
		return []row{
			{
				Name: "rollback, given twice, at a kill", Do: rollbackAtKill(w),
				Expect: "one round; what the dead worker ran is cancelled, then all that ran is undone",
			},
			{
				Name: "rollback cancelled at a kill", Do: cancelAtKill(w),
				Expect: "ROLLBACK_FAILED; the next rollback goes on from there",
			},
			{
				Name: "cancels and rollbacks under fire", Do: commandsUnderFire(w, 8*time.Second),
				Expect: "all is undone in the end, and nothing twice",
			},
		}
	})
}

// rollbackAtKill gives the rollback command twice at the same time, while the plan runs and one of
// its workers is killed.
func rollbackAtKill(w crashtest.Way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.Way.InSequence = w.InSequence
		s.Begin(30, 8)
		victim := s.Pair()
		s.Way = w
		var answers [2]cutover.PlanResult
		var errs [2]error
		var both sync.WaitGroup
		for i := range answers {
			both.Go(func() { answers[i], errs[i] = s.Engine.Rollback(s.Context(), s.Plan) })
		}
		victim.Kill()
		killed := time.Now()
		both.Wait()
		if err := errors.Join(errs[:]...); err != nil || answers[0].Unchanged == answers[1].Unchanged {
			t.Errorf("rollback twice: unchanged %t and %t, %v", answers[0].Unchanged, answers[1].Unchanged, err)
		}
		s.Finish()
		if p, err := s.Store.Plan(t.Context(), s.Plan); err != nil || p.Undo.Round != 1 {
			t.Errorf("%d rounds of undos, %v", p.Undo.Round, err)
		}
		s.TookOver("victim", killed)
		s.Verdict(s.Plan)
		return s
	}
}

// cancelAtKill kills a worker, immediately cancels the rollback, and begins a second rollback.
func cancelAtKill(w crashtest.Way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.Way = w
		s.Begin(20, 8)
		victim := s.Pair()
		victim.Kill()
		s.cancel()
		s.FinishAs(s.Plan, plan.RollbackFailed)
		for _, u := range s.Tasks(s.Plan) {
			if u.State == task.RollbackFailed && u.Failure.ErrorCode != task.CodeRollbackStopped {
				t.Errorf("task %s has failed: %+v", u.ID, u.Failure)
			}
		}
		if s.Count("victim", crashtest.Ended) == s.Count("victim", crashtest.Started) {
			t.Error("the kill has hit no undo")
		}
		s.RollBack()
		return s.complete()
	}
}

// commandsUnderFire gives commands at random, and kills, stops, freezes and adds engines at random.
func commandsUnderFire(w crashtest.Way, fire time.Duration) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.Way = w
		s.Begin(30, 8)
		s.Defs.Pace = 300 * time.Millisecond
		if w.InSequence {
			s.Defs.Pace = 80 * time.Millisecond
		}
		f := newFleet(s)
		for end := time.Now().Add(fire); time.Now().Before(end); {
			f.strike()
			f.command()
		}
		f.rest()
		s.insist()
		t.Logf("%s", f)
		s.Verdict(s.Plan)
		return s
	}
}

// command cancels the rollback, gives the rollback command again, or does both in that order.
func (f *fleet) command() {
	f.Helper()
	commands := []struct {
		name string
		give func(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error)
	}{{"cancelled", f.Engine.Cancel}, {"begun again", f.Engine.Rollback}}
	n := f.rand.IntN(3)
	for _, c := range commands[n/2 : min(n+1, 2)] {
		switch a, err := c.give(f.Context(), f.Plan); {
		case err == nil && !a.Unchanged:
			f.strikes[c.name]++
		case err != nil && !errors.Is(err, plan.ErrNotApplicable):
			f.Errorf("%s: %v", c.name, err)
		}
	}
}

// insist repeats the rollback until all tasks are undone, because undos may have been canceled or
// may have lost too many workers.
func (s *site) insist() {
	s.Helper()
	s.Await("the end of the rollback", func() bool {
		ctx, cancel := context.WithTimeout(s.Context(), s.SettleTime)
		defer cancel()
		p, err := s.Engine.Wait(ctx, s.Plan)
		if err != nil {
			s.Fatalf("%v\n%s", err, s.Tail())
		}
		if p.State != plan.RolledBack {
			s.RollBack()
		}
		return p.State == plan.RolledBack
	})
}

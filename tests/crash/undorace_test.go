//go:build crash

package crash

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// undoRaces returns the rows about commands for a rollback that coincide with a fault.
func undoRaces() []row {
	return everyWayBack(func(w way) []row {
		return []row{
			{
				name: "rollback, given twice, at a kill", do: rollbackAtKill(w),
				expect: "one round; what the dead worker ran is cancelled, then all that ran is undone",
			},
			{
				name: "rollback cancelled at a kill", do: cancelAtKill(w),
				expect: "ROLLBACK_FAILED; the next rollback goes on from there",
			},
			{
				name: "cancels and rollbacks under fire", do: commandsUnderFire(w, 8*time.Second),
				expect: "all is undone in the end, and nothing twice",
			},
		}
	})
}

// rollbackAtKill gives the rollback command twice at the same time, while the plan runs and one of
// its workers is killed.
func rollbackAtKill(w way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.way.inSequence = w.inSequence
		s.begin(30, 8)
		victim := s.pair()
		s.way = w
		var answers [2]cutover.PlanResult
		var errs [2]error
		var both sync.WaitGroup
		for i := range answers {
			both.Go(func() { answers[i], errs[i] = s.engine.Rollback(s.Context(), s.plan) })
		}
		victim.kill()
		killed := time.Now()
		both.Wait()
		if err := errors.Join(errs[:]...); err != nil || answers[0].Unchanged == answers[1].Unchanged {
			t.Errorf("rollback twice: unchanged %t and %t, %v", answers[0].Unchanged, answers[1].Unchanged, err)
		}
		s.finish()
		if p, err := s.store.Plan(t.Context(), s.plan); err != nil || p.Undo.Round != 1 {
			t.Errorf("%d rounds of undos, %v", p.Undo.Round, err)
		}
		s.tookOver("victim", killed)
		s.verdict(s.plan)
		return s
	}
}

// cancelAtKill kills a worker, immediately cancels the rollback, and begins a second rollback.
func cancelAtKill(w way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.way = w
		s.begin(20, 8)
		victim := s.pair()
		victim.kill()
		s.cancel()
		s.finishAs(s.plan, plan.RollbackFailed)
		for _, u := range s.tasks(s.plan) {
			if u.State == task.RollbackFailed && u.Failure.ErrorCode != task.CodeRollbackStopped {
				t.Errorf("task %s has failed: %+v", u.ID, u.Failure)
			}
		}
		if s.count("victim", ended) == s.count("victim", started) {
			t.Error("the kill has hit no undo")
		}
		s.rollBack()
		return s.complete()
	}
}

// commandsUnderFire gives commands at random, and kills, stops, freezes and adds engines at random.
func commandsUnderFire(w way, fire time.Duration) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.way = w
		s.begin(30, 8)
		s.defs.Pace = 300 * time.Millisecond
		if w.inSequence {
			s.defs.Pace = 80 * time.Millisecond
		}
		f := newFleet(s)
		for end := time.Now().Add(fire); time.Now().Before(end); {
			f.strike()
			f.command()
		}
		f.rest()
		s.insist()
		t.Logf("%s", f)
		s.verdict(s.plan)
		return s
	}
}

// command cancels the rollback, gives the rollback command again, or does both in that order.
func (f *fleet) command() {
	f.Helper()
	commands := []struct {
		name string
		give func(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error)
	}{{"cancelled", f.engine.Cancel}, {"begun again", f.engine.Rollback}}
	n := f.rand.IntN(3)
	for _, c := range commands[n/2 : min(n+1, 2)] {
		switch a, err := c.give(f.Context(), f.plan); {
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
	s.await("the end of the rollback", func() bool {
		ctx, cancel := context.WithTimeout(s.Context(), s.settleTime)
		defer cancel()
		p, err := s.engine.Wait(ctx, s.plan)
		if err != nil {
			s.Fatalf("%v\n%s", err, s.tail())
		}
		if p.State != plan.RolledBack {
			s.rollBack()
		}
		return p.State == plan.RolledBack
	})
}

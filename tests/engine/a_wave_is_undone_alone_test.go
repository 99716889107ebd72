package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// undoings records the tenants that were undone, in order.
type undoings struct {
	mu   sync.Mutex
	list []string
}

func (u *undoings) undo(_ context.Context, run *executor.Run) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = append(u.list, run.Tenant().ID)
	return nil
}

// transcript returns the plan's own events, a line each.
func transcript(t *testing.T, e *cutover.Engine, id plan.ID) string {
	t.Helper()
	events, err := e.PlanEvents(t.Context(), id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, ev := range events {
		line := fmt.Sprintf("%-8s %-9s", ev.Cause, ev.To)
		if ev.Wave > 0 {
			line += fmt.Sprintf(" wave %d", ev.Wave)
		}
		if ev.Reason != "" {
			line += "  " + ev.Reason
		}
		b.WriteString("    " + strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// A failure action undoes the wave that failed and keeps the one before it, and a command undoes
// that one later: as docs/operations.md tells it.
func TestAWaveIsUndoneAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var undone undoings
		fails := func(_ context.Context, run *executor.Run) error {
			if run.Tenant().ID == "d" {
				return errors.New("no route")
			}
			return nil
		}
		e := running(t, memstore.New(), executor.Registry{"X": both{fails, undone.undo}})
		s := spec("a", "b", "c", "d", "e", "f")
		s.Strategy.WaveSizes, s.Strategy.FailureAction = []strategy.Amount{strategy.Count(2)}, strategy.RollbackWave
		id := create(t, e, s)
		mustPlan(t)(e.Start(t.Context(), id))
		rests(t, e, id, plan.Failed)
		for i, want := range []task.State{task.Completed, task.Completed, task.RolledBack, task.RolledBack, task.Pending, task.Pending} {
			ends(t, e, id, i+1, want, "")
		}
		mustPlan(t)(e.Resume(t.Context(), id, cutover.Because("without c and d")))
		rests(t, e, id, plan.Completed)
		mustPlan(t)(e.RollbackWave(t.Context(), id, 1, cutover.Because("wrong certificate")))
		p := rests(t, e, id, plan.Completed)
		if want := []string{"d", "c", "b", "a"}; !slices.Equal(undone.list, want) || !slices.Equal(p.Undone, []int{1, 2}) {
			t.Errorf("undone %q, waves %d", undone.list, p.Undone)
		}
		page, err := os.ReadFile("../../docs/operations.md")
		if err != nil {
			t.Fatal(err)
		}
		if got := transcript(t, e, id); !strings.Contains(string(page), "\n\n"+got+"\n") {
			t.Errorf("docs/operations.md does not show the transcript\n%s", got)
		}
	})
}

// While later tenants are worked on, a wave that has passed is undone: what was retried there is
// stopped first, and nothing else is.
func TestAPassedWaveIsUndoneBesideTheOpenOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var undone undoings
		executes := func(ctx context.Context, run *executor.Run) error {
			if run.Tenant().ID == "a" && run.Attempt() == 1 {
				return errors.New("fails at first")
			}
			if id := run.Tenant().ID; id == "b" || id == "e" {
				return nil
			}
			return untilStopped(ctx, run)
		}
		e := running(t, memstore.New(), executor.Registry{"X": both{executes, undone.undo}})
		s := spec("a", "b", "c", "d", "e")
		s.Strategy.WaveSizes = []strategy.Amount{strategy.Count(2), strategy.Count(3)}
		s.Strategy.MaxFailures, s.Strategy.MaxConcurrency = strategy.Count(1), strategy.Count(3)
		id := create(t, e, s)
		mustPlan(t)(e.Start(t.Context(), id))
		time.Sleep(time.Minute)
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromScratch))
		time.Sleep(time.Minute)
		mustPlan(t)(e.RollbackWave(t.Context(), id, 1))
		if r, err := e.RollbackWave(t.Context(), id, 1); err != nil || !r.Unchanged {
			t.Errorf("again: %+v, %v", r, err)
		}
		if _, err := e.RollbackWave(t.Context(), id, 2); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("the open wave: %v", err)
		}
		time.Sleep(time.Minute)
		for i, want := range []task.State{task.RolledBack, task.RolledBack, task.Running, task.Running, task.Completed} {
			if got := taskOf(t, e, id, i+1).State; got != want {
				t.Errorf("task %d: %s, want %s", i+1, got, want)
			}
		}
		if !slices.Equal(undone.list, []string{"b", "a"}) {
			t.Errorf("undone %q", undone.list)
		}
		mustPlan(t)(e.Cancel(t.Context(), id))
		rests(t, e, id, plan.Canceled)
	})
}

package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// A process that has the plan's executor refuses every rollback if the executor cannot undo, and
// changes nothing; the answers that depend on states alone stay as they are.
func TestImpossibleUndoIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(succeed)})
		s := spec("a", "b")
		s.Strategy.WaveSizes = []strategy.Amount{strategy.Count(1)}
		id := create(t, e, s)
		if _, err := e.Rollback(t.Context(), id); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("rollback before the start: %v", err)
		}
		mustPlan(t)(e.Start(t.Context(), id))
		before := rests(t, e, id, plan.Completed)

		for name, rollback := range map[string]func(context.Context) error{
			"plan": func(ctx context.Context) error { _, err := e.Rollback(ctx, id); return err },
			"wave": func(ctx context.Context) error { _, err := e.RollbackWave(ctx, id, 1); return err },
			"task": func(ctx context.Context) error { _, err := e.RollbackTask(ctx, task.NewID(id, 1)); return err },
			"all tasks": func(ctx context.Context) error {
				_, err := e.Select(id, task.Filter{}).Rollback(ctx)
				return err
			},
			"all tasks, dry": func(ctx context.Context) error {
				_, err := e.Select(id, task.Filter{}).Rollback(ctx, cutover.DryRun())
				return err
			},
		} {
			var refused *cutover.CannotUndoError
			err := rollback(t.Context())
			if !errors.Is(err, cutover.ErrCannotUndo) || !errors.As(err, &refused) || refused.Plan != id || refused.ExecutorType != "X" {
				t.Errorf("%s: %v", name, err)
			}
		}
		synctest.Wait()
		after := rests(t, e, id, plan.Completed)
		if after.Version != before.Version || after.LastEvent != before.LastEvent {
			t.Errorf("version %d and event %d, were %d and %d", after.Version, after.LastEvent, before.Version, before.LastEvent)
		}
		other := create(t, e, spec("a"))
		mustPlan(t)(e.Start(t.Context(), other)) // the refused rollback of its task holds no tenant
		rests(t, e, other, plan.Completed)
	})
}

// A process without the executor cannot tell whether it can undo: its rollbacks are accepted, and
// the undos fail. There is nothing to refuse if the plan is rolled back already.
func TestRollbackFromElsewhereIsAccepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e, elsewhere := running(t, s, executor.Registry{"X": executor.Func(succeed)}), newEngine(t, s, cutover.Config{})
		id := create(t, e, spec("a"))
		mustPlan(t)(e.Start(t.Context(), id))
		rests(t, e, id, plan.Completed)
		mustPlan(t)(elsewhere.Rollback(t.Context(), id))
		rests(t, e, id, plan.RollbackFailed)
		ends(t, e, id, 1, task.RollbackFailed, task.CodeRollbackUnsupported)
		mustTask(t)(e.SkipTask(t.Context(), task.NewID(id, 1)))
		if r, err := e.Rollback(t.Context(), id); err != nil || !r.Unchanged {
			t.Errorf("a rollback of what is rolled back: %+v, %v", r, err)
		}
	})
}

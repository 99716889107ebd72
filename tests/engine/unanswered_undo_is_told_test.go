package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// An undo whose claim was never answered ends when its rollback is canceled, and the task keeps it
// among its attempts, as it keeps an undo that a worker gave up.
func TestUndoUnanswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var undoing, lost atomic.Bool
		m.on(func(ctx context.Context, c storetest.Call) error {
			err := c.Do(ctx)
			if c.Method == "Claim" && undoing.Load() && len(c.Batch.Claimed) > 0 && lost.CompareAndSwap(false, true) {
				return errors.New("lost for good")
			}
			return err
		})
		e := running(t, m, executor.Registry{"X": both{twoSteps(succeed), untilInterrupted}})
		id := launch(t, e, spec("a"))
		rests(t, e, id, plan.Completed)
		undoing.Store(true)
		mustPlan(t)(e.Rollback(t.Context(), id))
		synctest.Wait()
		mustPlan(t)(e.Cancel(t.Context(), id))
		rests(t, e, id, plan.RollbackFailed)
		tk := ends(t, e, id, 1, task.RollbackFailed, task.CodeRollbackStopped)
		if !lost.Load() || len(tk.Attempts) != 1 || !tk.Attempts[0].Undo || tk.Attempts[0].Number != tk.Attempt {
			t.Errorf("the claim was lost: %t; attempts %+v", lost.Load(), tk.Attempts)
		}
	})
}

package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// If a commit claims a task but the store cannot return it, for instance because its tenant cannot
// be read, the task does not stay held: it is found and run.
func TestClaimWithNothingToldOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var hidden atomic.Int64
		m.on(func(ctx context.Context, c storetest.Call) error {
			err := c.Do(ctx)
			if c.Method == "Commit" && c.Batch.Claim.Max > 0 && len(c.Batch.Claimed) > 0 && hidden.Add(1) <= 2 {
				c.Batch.Claimed = c.Batch.Claimed[:0]
			}
			return err
		})
		e := startProcess(t, m, cutover.Config{Executors: executor.Registry{"X": twoSteps(succeed)}, Capacity: 2})
		s := parallelSpec("a", "b", "c", "d", "e", "f")
		id := launch(t, e.Engine, s)
		rests(t, e.Engine, id, plan.Completed)
		if hidden.Load() < 2 {
			t.Error("nothing was hidden")
		}
	})
}

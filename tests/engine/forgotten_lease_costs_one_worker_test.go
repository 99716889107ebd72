package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// If a store forgets a lease, for instance by a failover to a replica that lags behind, each task
// loses its worker once, is run once more, and completes.
func TestLeaseForgottenByTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var lease atomic.Value
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Join" {
				lease.Store(c.Worker)
			}
			return c.Do(ctx)
		})
		var runs atomic.Int64
		slow := executor.Func(func(ctx context.Context, _ *executor.Run) error {
			runs.Add(1)
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(20 * time.Second):
				return nil
			}
		})
		e := startProcess(t, m, cutover.Config{Executors: executor.Registry{"X": slow}})
		id := launch(t, e.Engine, parallelSpec("a", "b", "c", "d"))
		time.Sleep(10*time.Second + 100*time.Millisecond) // just after a heartbeat
		name, _ := lease.Load().(string)
		if err := m.inner.Leave(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		p := rests(t, e.Engine, id, plan.Completed)
		if n := p.Counters.Of(task.Completed); n != 4 {
			t.Errorf("%d of 4 tasks completed", n)
		}
		if n := runs.Load(); n != 8 {
			t.Errorf("%d runs, want one of each task before and one after", n)
		}
	})
}

package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// The list of workers is for people. While its part of the store does not answer, a busy process
// keeps its lease and its tasks, and its list is right again afterwards.
func TestAHangingReportCostsNoLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hangs, lost atomic.Int64
		hangs.Store(1)
		s := storetest.Intercept(memstore.New(), func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Report" && hangs.Load() == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return c.Do(ctx)
		})
		e := newEngine(t, s, cutover.Config{
			Executors: executor.Registry{"X": executor.Func(func(context.Context, *executor.Run) error { time.Sleep(4 * time.Second); return nil })},
			Hooks:     hook.Hooks{OnLeaseLost: func(string, int) { lost.Add(1) }, OnStoreFault: func(string, error) {}},
		})
		runEngine(t, e)
		sp := plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants(manyTenants(600)...)}
		sp.Strategy.MaxConcurrency = strategy.Count(5)
		id := launch(t, e, sp)
		time.Sleep(5 * time.Minute)
		hangs.Store(0)
		time.Sleep(12 * time.Second)
		workers, err := e.Lookup().Workers(t.Context(), "", 0)
		if err != nil || len(workers) != 1 || fmt.Sprint(workers[0].Held, workers[0].Plans) != "5 [1]" {
			t.Errorf("%+v, %v", workers, err)
		}
		rests(t, e, id, plan.Completed)
		if p, err := e.Plan(t.Context(), id); err != nil || lost.Load() > 0 {
			t.Errorf("%v, %d leases were lost, %v", p.Counters, lost.Load(), err)
		}
	})
}

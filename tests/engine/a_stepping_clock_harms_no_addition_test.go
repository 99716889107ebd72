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
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// Whichever of its calls the store's clock steps before, forward or back, an addition that goes on
// is completed: its tenants take their turn once, and the plan ends.
func TestAdditionsOverSteps(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{3 * time.Hour, -3 * time.Hour, time.Minute, -time.Second} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			t.Parallel()
			calls := 0
			for at := 0; at <= calls; at++ { // the last time, before none of them
				calls = addOverStep(t, step, at)
			}
			if calls < 6 {
				t.Errorf("an addition makes %d calls", calls)
			}
		})
	}
}

// addOverStep adds tenants to a plan whose first task runs, and lets the clock step before the call
// with that number. It returns how many calls the addition has made.
func addOverStep(t *testing.T, step time.Duration, at int) (calls int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		clock := &stepClock{}
		s := memstore.NewWith(memstore.Config{Clock: clock.now})
		m := intercept(s)
		x := newDiary()
		x.takes = time.Minute
		e, adder := running(t, s, executor.Registry{"X": x}), newEngine(t, m, cutover.Config{})
		sp := sized(2, 1, 1)
		sp.Strategy.BakeTime = time.Minute
		id := launch(t, e, sp)
		var made atomic.Int64
		m.on(func(ctx context.Context, c storetest.Call) error {
			if made.Add(1) == int64(at+1) {
				clock.step(step)
			}
			return c.Do(ctx)
		})
		r, err := adder.AddTenants(t.Context(), id, plan.Tenants("a", "b", "c"))
		m.on(nil)
		calls = int(made.Load())
		if err != nil || r.Plan.TaskCount != 5 || r.Plan.Adding != nil {
			t.Fatalf("a step of %s before call %d: %d tasks, %+v, %v", step, at, r.Plan.TaskCount, r.Plan.Adding, err)
		}
		p := rests(t, e, id, plan.Completed)
		if got := p.Counters.Of(task.Completed); got != 5 {
			t.Errorf("a step of %s before call %d: %d tasks are completed", step, at, got)
		}
	})
	return calls
}

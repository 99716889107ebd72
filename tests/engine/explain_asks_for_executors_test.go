package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// Explain asks the workers, and not the process that answers, for the executor of a plan.
func TestExplainAsksTheWorkersForTheExecutor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		with, without := commanding(t, s), newEngine(t, s, cutover.Config{})
		id := launch(t, with, spec("a", "b"))
		both := func(want plan.ReasonCode) {
			t.Helper()
			for _, e := range []*cutover.Engine{with, without} {
				if r := explained(t, e, id, 1, want); (r.ExecutorType == "X") != (want == plan.ReasonNoExecutor) {
					t.Errorf("%+v", r)
				}
			}
		}
		join := func(name string, types ...string) {
			t.Helper()
			if err := s.Join(t.Context(), name, time.Minute, store.Process{Capacity: 1, Executors: types}); err != nil {
				t.Fatal(err)
			}
		}
		both(plan.ReasonNoExecutor)
		for i := range store.MaxPage + 1 {
			join(fmt.Sprintf("w%04d", i), "A", "XY", "x")
		}
		both(plan.ReasonNoExecutor)
		join("x", "A", "X")
		both(plan.ReasonMayStart)
		time.Sleep(2 * time.Minute) // they are dead
		both(plan.ReasonNoExecutor)
		mustPlan(t)(with.Cancel(t.Context(), id))
	})
}

// While the workers cannot be read, there is no false alarm: a process says only what it knows.
func TestExplainWhileTheWorkersCannotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []error{&store.TemporaryError{Err: errors.New("away")}, &store.CorruptError{Key: "k", Reason: "r"}} {
			s := memstore.New()
			sick := storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
				if c.Method == "Workers" {
					return fault
				}
				return c.Do(ctx)
			})
			with, without := commanding(t, sick), newEngine(t, sick, cutover.Config{})
			id := launch(t, with, spec("a"))
			for e, want := range map[*cutover.Engine]plan.ReasonCode{with: plan.ReasonMayStart, without: plan.ReasonExecutorNotHere} {
				r, err := e.Explain(t.Context(), task.NewID(id, 1))
				if r.Code != want || !errors.Is(err, fault) {
					t.Errorf("%s, %v, want %s", r.Code, err, want)
				}
			}
			mustPlan(t)(with.Cancel(t.Context(), id))
		}
	})
}

// A process that works itself knows that its own executor is there, whatever it can read.
func TestExplainInAWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, reads := memstore.New(), 0
		e := newEngine(t, counting(s, "Workers", &reads), cutover.Config{Executors: executor.Registry{"X": executor.Func(untilStopped)}, Capacity: 1})
		runEngine(t, e)
		busy := launch(t, e, spec("a"))
		synctest.Wait()
		id := launch(t, e, spec("b"))
		synctest.Wait()
		explained(t, e, busy, 1, plan.ReasonRunning)
		if explained(t, e, id, 1, plan.ReasonMayStart); reads > 0 {
			t.Errorf("%d reads", reads)
		}
		mustPlan(t)(e.Cancel(t.Context(), id))
		mustPlan(t)(e.Cancel(t.Context(), busy))
	})
}

package engine

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// Hooks learn how long a task took to come to a boundary after its process had learned of a pause,
// a cancel or the shutdown; for a task that nothing has stopped it is 0.
func TestStoppingTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var took []time.Duration
		e := startProcess(t, memstore.New(), cutover.Config{
			Executors: executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
				for range 3 { // a boundary every ten seconds
					time.Sleep(10 * time.Second)
					if err := run.Save(ctx, "saved", nil); err != nil {
						return err
					}
				}
				return nil
			})},
			Hooks: hook.Hooks{OnExecuteEnd: func(_ context.Context, _ hook.Execution, out hook.Outcome) {
				mu.Lock()
				defer mu.Unlock()
				took = append(took, out.Stopping)
			}},
		})
		last := func() time.Duration {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(took) == 0 {
				t.Fatal("nothing ended")
			}
			d := took[len(took)-1]
			took = nil
			return d
		}
		within := func(what string, got, least, most time.Duration) {
			t.Helper()
			if got < least || got > most {
				t.Errorf("%s: the boundary took %s, want %s to %s", what, got, least, most)
			}
		}
		id := launch(t, e.Engine, spec("a", "b"))
		time.Sleep(4 * time.Second)
		mustPlan(t)(e.Pause(t.Context(), id))
		time.Sleep(8 * time.Second)
		within("a pause after 4 of 10 seconds", last(), 5*time.Second, 6*time.Second)
		mustPlan(t)(e.Resume(t.Context(), id))
		time.Sleep(2 * time.Second)
		mustPlan(t)(e.Pause(t.Context(), id))
		time.Sleep(2 * time.Second)
		mustPlan(t)(e.Resume(t.Context(), id)) // the pause is withdrawn before the boundary
		time.Sleep(30 * time.Second)
		within("nothing", last(), 0, 0)
		time.Sleep(7 * time.Second)
		e.stop()
		if err := <-e.done; err != nil {
			t.Error(err)
		}
		if d := last(); d <= 0 || d > 10*time.Second {
			t.Errorf("the shutdown took %s", d)
		}
	})
}

// Overdue tells for how long a plan has waited for an engine to look after it.
func TestOverdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := newEngine(t, s, cutover.Config{})
		overdue := func() time.Duration {
			t.Helper()
			late, err := e.Lookup().Overdue(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return late
		}
		if late := overdue(); late != 0 {
			t.Errorf("without plans it is %s", late)
		}
		p, err := e.Create(t.Context(), spec("a"), cutover.ExecutorElsewhere())
		if err != nil {
			t.Fatal(err)
		}
		mustPlan(t)(e.Start(t.Context(), p.ID))
		time.Sleep(time.Minute)
		if late := overdue(); late != time.Minute {
			t.Errorf("after a minute without engines it is %s", late)
		}
		able := startProcess(t, s, cutover.Config{Executors: executor.Registry{"X": executor.Func(func(context.Context, *executor.Run) error { return nil })}})
		rests(t, able.Engine, p.ID, plan.Completed)
		time.Sleep(5 * time.Second)
		if late := overdue(); late != 0 {
			t.Errorf("when everything is done it is %s", late)
		}
	})
}

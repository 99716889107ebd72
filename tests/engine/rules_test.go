package engine

import (
	"context"
	"errors"
	"sync/atomic"
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

// A process whose heartbeats are answered late interrupts its executors before its lease is over in
// the store.
func TestLeaseEndsForTheProcessFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const ttl = 30 * time.Second
		m := intercept(memstore.New())
		var renewed atomic.Pointer[time.Time] // the time of the last heartbeat that the store received
		var cut atomic.Bool
		m.on(func(ctx context.Context, c storetest.Call) error {
			if cut.Load() {
				return errAway
			}
			if c.Method != "Heartbeat" {
				return c.Do(ctx)
			}
			now := time.Now()
			renewed.Store(&now)
			err := c.Do(ctx)
			time.Sleep(5 * time.Second)
			return err
		})
		ended := make(chan time.Time, 1)
		e := running(t, m, executor.Registry{"X": executor.Func(func(ctx context.Context, _ *executor.Run) error {
			<-ctx.Done()
			ended <- time.Now()
			return context.Cause(ctx)
		})})
		launch(t, e, spec("a"))
		time.Sleep(time.Minute)
		cut.Store(true)
		if late := (<-ended).Sub(renewed.Load().Add(ttl)); late > 0 {
			t.Errorf("the executor's context ended %s after the lease", late)
		}
	})
}

// A task that takes many heartbeats and saves nothing is not taken from its worker.
func TestLongTaskRunsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			runs.Add(1)
			time.Sleep(10 * time.Minute)
			return run.Save(ctx, "s", nil)
		})})
		rests(t, e, launch(t, e, spec("a")), plan.Completed)
		if n := runs.Load(); n != 1 {
			t.Errorf("it ran %d times", n)
		}
	})
}

// When a task ends while its process shuts down, the worker does not begin another one.
func TestShutdownClaimsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		p := startProcess(t, s, cutover.Config{Executors: executor.Registry{"X": executor.Func(func(context.Context, *executor.Run) error {
			time.Sleep(time.Second)
			return nil
		})}})
		id := launch(t, p.Engine, spec("a", "b", "c"))
		time.Sleep(500 * time.Millisecond)
		p.stop()
		if err := <-p.done; err != nil {
			t.Fatal(err)
		}
		ends(t, p.Engine, id, 1, task.Completed, "")
		ends(t, p.Engine, id, 2, task.Pending, "")
	})
}

// If the answer to the call that marks a plan as starting is lost, and the plan is then canceled,
// the start is refused and leaves the tenant free.
func TestStartCanceledAtItsMark(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := newEngine(t, m, cutover.Config{})
		id := create(t, e, spec("a"))
		var lost atomic.Bool
		m.on(func(ctx context.Context, c storetest.Call) error {
			err := c.Do(ctx)
			if c.Method == "Apply" && lost.CompareAndSwap(false, true) {
				mustPlan(t)(e.Cancel(ctx, id))
				return errAway
			}
			return err
		})
		if _, err := e.Start(t.Context(), id); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("the start: %v", err)
		}
		mustPlan(t)(e.Start(t.Context(), create(t, e, spec("a"))))
	})
}

// A claim that was lost and sent again may nevertheless be carried out later. No process knows of
// the task that it claims, but the task is found and run.
func TestLateClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var sent atomic.Pointer[store.Batch]
		m.on(func(ctx context.Context, c storetest.Call) error {
			switch {
			case c.Method == "Commit" && c.Batch.Claim.Max > 0 && sent.Load() == nil:
				sent.Store(&store.Batch{Plan: c.Batch.Plan, Claim: c.Batch.Claim})
				return errAway
			case c.Method == "Claim" && sent.Load() != nil:
				if late := sent.Swap(&store.Batch{}); late.Claim.Max > 0 {
					if err := m.inner.Commit(ctx, late); err != nil || len(late.Claimed) != 1 {
						t.Errorf("the late claim took %d tasks, %v", len(late.Claimed), err)
					}
				}
			}
			return c.Do(ctx)
		})
		e := running(t, m, executor.Registry{"X": executor.Func(func(_ context.Context, run *executor.Run) error {
			if run.Attempt() == 1 {
				return errors.New("first attempt")
			}
			return nil
		})})
		id := launch(t, e, spec("a"))
		rests(t, e, id, plan.Failed)
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint))
		rests(t, e, id, plan.Completed)
	})
}

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
	"github.com/cutover-go/cutover/task"
)

// A process that is shut down yields its tasks at their next boundary. Another process continues
// from there, in the same attempt, and no step is done twice.
func TestShutdownHandsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		l := &ledger{steps: 100}
		c := cutover.Config{Executors: executor.Registry{"X": l}}
		first := startProcess(t, s, c)
		id := launch(t, first.Engine, parallelSpec("a", "b", "c"))
		for range 4 {
			time.Sleep(10 * time.Second)
			next := startProcess(t, s, c)
			began := time.Now()
			first.stop()
			if err := <-first.done; err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("the shutdown took %s with a boundary every second", took)
			}
			time.Sleep(2 * time.Second) // a yielded task is claimed at the next poll
			if tk := taskOf(t, next.Engine, id, 1); tk.Worker == "" || tk.State != task.Running {
				t.Errorf("nobody runs %+v", tk)
			}
			first = next
		}
		rests(t, first.Engine, id, plan.Completed)
		if n, all := l.repeats(), l.total(); n > 0 || all != 300 {
			t.Errorf("%d of %d effects repeated", n, all)
		}
		for ordinal := range 3 {
			if tk := ends(t, first.Engine, id, ordinal+1, task.Completed, ""); tk.Attempt != 1 || tk.Losses != 0 {
				t.Errorf("%+v", tk.Control)
			}
		}
	})
}

// If an executor reaches no boundary, its context is canceled when the grace period is over. Its
// task is yielded without a failure, or is completed if the executor returns nil.
func TestShutdownInterrupts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		grace   time.Duration
		returns error
		want    task.State
	}{
		"after the default grace": {0, errors.New("interrupted"), task.Running},
		"after a short one":       {time.Second, context.Canceled, task.Running},
		"done all the same":       {0, nil, task.Completed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				var cause error
				e := startProcess(t, s, cutover.Config{
					ShutdownGrace: tt.grace,
					Executors: executor.Registry{"X": executor.Func(func(ctx context.Context, _ *executor.Run) error {
						<-ctx.Done()
						cause = context.Cause(ctx)
						return tt.returns
					})},
				})
				id := launch(t, e.Engine, spec("a"))
				synctest.Wait()
				began := time.Now()
				e.stop()
				if err := <-e.done; err != nil {
					t.Fatal(err)
				}
				want := tt.grace
				if want == 0 {
					want = 20 * time.Second
				}
				if took := time.Since(began); took != want || !errors.Is(cause, executor.ErrShutdown) {
					t.Errorf("took %s, want %s; the cause was %v", took, want, cause)
				}
				tk := ends(t, e.Engine, id, 1, tt.want, "")
				if tk.Worker != "" || tk.Attempt != 1 || tk.Losses != 0 {
					t.Errorf("%+v", tk)
				}
			})
		})
	}
}

// A shutdown yields an undo in progress, and another process finishes the rollback.
func TestShutdownDuringRollback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		var undos atomic.Int64
		c := cutover.Config{Executors: executor.Registry{"X": both{twoSteps(succeed), func(ctx context.Context, run *executor.Run) error {
			if undos.Add(1) == 1 {
				return untilStopped(ctx, run)
			}
			return nil
		}}}}
		first := startProcess(t, s, c)
		id := launch(t, first.Engine, spec("a"))
		rests(t, first.Engine, id, plan.Completed)
		mustPlan(t)(first.Rollback(t.Context(), id))
		time.Sleep(10 * time.Second)
		first.stop()
		if err := <-first.done; err != nil {
			t.Fatal(err)
		}
		if tk := ends(t, first.Engine, id, 1, task.RollingBack, ""); tk.Worker != "" {
			t.Errorf("%+v", tk)
		}
		second := startProcess(t, s, c)
		rests(t, second.Engine, id, plan.RolledBack)
	})
}

// An executor that ignores the shutdown and its context delays the end of Run for less than a
// minute, and Run returns an error. Another process takes over its task, and its later save is
// refused.
func TestShutdownWithStuckExecutor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		release, late := make(chan struct{}), make(chan error, 1)
		var runs atomic.Int64
		c := cutover.Config{Executors: executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			if runs.Add(1) == 1 {
				<-release
				late <- run.Save(ctx, "late", nil)
			}
			return nil
		})}}
		first := startProcess(t, s, c)
		id := launch(t, first.Engine, spec("a", "b"))
		synctest.Wait()
		first.stop()
		select {
		case err := <-first.done:
			if err == nil {
				t.Error("Run says nothing of an executor that is stuck")
			}
		case <-time.After(time.Minute):
			t.Error("Run hangs")
		}
		second := startProcess(t, s, c)
		rests(t, second.Engine, id, plan.Completed)
		if tk := ends(t, second.Engine, id, 1, task.Completed, ""); tk.Attempt != 1 {
			t.Errorf("%+v", tk)
		}
		close(release)
		if err := <-late; !errors.Is(err, executor.ErrLost) {
			t.Errorf("a save after everything: %v", err)
		}
	})
}

// A shutdown ends within a minute even while the store is unavailable. Run returns nil and leaves
// no goroutine behind.
func TestShutdownWithoutStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		m := intercept(s)
		c := cutover.Config{Executors: executor.Registry{"X": executor.Func(untilInterrupted)}}
		first := startProcess(t, m, c)
		id := launch(t, first.Engine, parallelSpec("a", "b"))
		synctest.Wait()
		m.away()
		began := time.Now()
		first.stop()
		if err := <-first.done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the shutdown took %s", took)
		}
		second := startProcess(t, s, cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}})
		rests(t, second.Engine, id, plan.Completed)
		ends(t, second.Engine, id, 1, task.Completed, "")
	})
}

// Run may be called only once, even if the context of the first call had already ended.
func TestRunOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{"X": twoSteps(succeed)}})
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		id := launch(t, e, spec("a"))
		if err := e.Run(ended); err != nil {
			t.Errorf("Run with a context that has ended: %v", err)
		}
		if err := e.Run(t.Context()); !errors.Is(err, cutover.ErrRunning) {
			t.Errorf("a second Run: %v", err)
		}
		if tk := taskOf(t, e, id, 1); tk.State != task.Pending && tk.Worker != "" {
			t.Errorf("%+v", tk)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{})
		runEngine(t, e)
		synctest.Wait()
		if err := e.Run(t.Context()); !errors.Is(err, cutover.ErrRunning) {
			t.Errorf("a second Run: %v", err)
		}
	})
}

// An engine accepts commands and answers queries before and after Run; engines that run carry the
// commands out.
func TestCommandsWithoutRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := newEngine(t, s, cutover.Config{})
		ctx := t.Context()
		id := create(t, e, spec("a", "b"))
		mustPlan(t)(e.Start(ctx, id))
		mustPlan(t)(e.Pause(ctx, id))
		mustPlan(t)(e.Resume(ctx, id))
		mustTask(t)(e.SkipTask(ctx, task.NewID(id, 2), cutover.Because("not needed")))
		if tasks, next, err := e.Tasks(ctx, id, store.TaskQuery{}); err != nil || next != 0 || len(tasks) != 2 || tasks[1].State != task.Skipped {
			t.Errorf("%v, %d, %v", tasks, next, err)
		}
		worker := startProcess(t, s, cutover.Config{Executors: executor.Registry{"X": twoSteps(succeed)}})
		rests(t, e, id, plan.Completed)
		worker.stop()
		if err := <-worker.done; err != nil {
			t.Error(err)
		}
		if plans, err := worker.Plans(ctx, store.PlanQuery{}); err != nil || len(plans) != 1 || plans[0].State != plan.Completed {
			t.Errorf("%v, %v", plans, err)
		}
		// The tenant of the skipped task is free.
		mustPlan(t)(worker.Start(ctx, create(t, worker.Engine, spec("a", "b"))))
	})
}

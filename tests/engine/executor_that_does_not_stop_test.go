package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// After a stop, an error or a panic of the executor is no failure, and nil means that the task is
// completed.
func TestAfterStop(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		returns func(stop error) error
		want    task.State
	}{
		"the stop":         {func(stop error) error { return stop }, task.Paused},
		"the stop wrapped": {func(stop error) error { return fmt.Errorf("step: %w", stop) }, task.Paused},
		"joined":           {func(stop error) error { return errors.Join(errors.New("cleanup"), stop) }, task.Paused},
		"another error":    {func(error) error { return errors.New("cleanup failed") }, task.Paused},
		"a panic":          {func(error) error { panic("cleanup") }, task.Paused},
		"nil":              {func(error) error { return nil }, task.Completed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
					if err := untilStopped(ctx, run); errors.Is(err, executor.ErrStopped) {
						return tt.returns(err)
					}
					return errors.New("ended without a stop")
				})})
				id := launch(t, e, spec("a"))
				time.Sleep(time.Minute)
				mustTask(t)(e.PauseTask(t.Context(), task.NewID(id, 1)))
				time.Sleep(time.Minute)
				ends(t, e, id, 1, tt.want, "")
			})
		})
	}
}

// If the task of an executor that never saves is canceled, the context of the executor is canceled
// after the grace period. An executor that also ignores its context keeps only its own slot and
// tenant.
func TestIgnoresCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var cause atomic.Value
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			<-ctx.Done()
			cause.Store(context.Cause(ctx))
			if run.Tenant().ID == "deaf" {
				<-release
			}
			return errors.New("half done")
		})})
		id := launch(t, e, parallelSpec("a", "deaf"))
		synctest.Wait()
		mustPlan(t)(e.Cancel(t.Context(), id))
		time.Sleep(2 * time.Minute)
		if got, _ := cause.Load().(error); !errors.Is(got, executor.ErrCanceled) {
			t.Errorf("the cause was %v", got)
		}
		ends(t, e, id, 1, task.Canceled, executor.CodeExecutorFailed)
		ends(t, e, id, 2, task.Running, "")
		other := create(t, e, spec("deaf"))
		if _, err := e.Start(t.Context(), other); err == nil {
			t.Error("a tenant was given away under a running executor")
		}
		if p, err := e.Plan(t.Context(), id); err != nil || p.State != plan.Canceled || p.Counters.InFlight() != 1 {
			t.Errorf("%s with %v, %v", p.State, p.Counters, err)
		}
		close(release)
		rests(t, e, id, plan.Canceled)
		mustPlan(t)(e.Start(t.Context(), other))
		mustPlan(t)(e.Cancel(t.Context(), other))
		rests(t, e, other, plan.Canceled)
	})
}

// A task that hangs is not retried while its worker holds it, and no caller is told that it was:
// the error names the worker. When the worker has released the task, a retry applies.
func TestRetryOfHungTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(context.Context, *executor.Run) error {
			<-let // ignores its context
			return errors.New("broken")
		})})
		id := launch(t, e, spec("a"))
		synctest.Wait()
		first := task.NewID(id, 1)
		mustTask(t)(e.CancelTask(t.Context(), first))
		mustTask(t)(e.ResumeTask(t.Context(), first))
		time.Sleep(time.Hour)
		held, err := e.Task(t.Context(), first)
		if err != nil || held.Worker == "" {
			t.Fatalf("%+v, %v", held, err)
		}
		for _, from := range []cutover.RetryFrom{cutover.FromCheckpoint, cutover.FromScratch} {
			ans, err := e.RetryTask(t.Context(), first, from)
			var refused *plan.StateError
			if !errors.As(err, &refused) || refused.Worker != held.Worker || refused.TaskState != task.Running || ans.Task.Attempt != 1 {
				t.Errorf("retry of a task that hangs: %+v, %v", ans, err)
			}
		}
		close(let)
		rests(t, e, id, plan.Failed)
		mustTask(t)(e.RetryTask(t.Context(), first, cutover.FromCheckpoint))
		rests(t, e, id, plan.Failed)
		if again, err := e.Task(t.Context(), first); err != nil || again.Attempt != 2 {
			t.Errorf("after the retry: %+v, %v", again, err)
		}
	})
}

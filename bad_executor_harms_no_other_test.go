package cutover_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// nilError is an error that cannot even be printed when it is nil.
type nilError struct{ text string }

func (h *nilError) Error() string { return h.text }

// trap is an error that panics when it is asked what it is.
type trap struct{}

func (trap) Error() string   { return "trap" }
func (trap) Is(error) bool   { panic("is") }
func (trap) Unwrap() []error { panic("unwrap") }

// unprintable panics when it is encoded.
type unprintable struct{}

func (unprintable) MarshalJSON() ([]byte, error) { panic("marshal") }

// A task whose executor misbehaves fails with a code for the kind of misbehaviour; other tasks
// complete.
func TestBadExecutors(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 64<<10)
	tests := map[string]struct {
		execute executor.Func
		code    string
	}{
		"panics with a text":   {func(context.Context, *executor.Run) error { panic("text") }, task.CodeExecutorPanic},
		"panics with an error": {func(context.Context, *executor.Run) error { panic(errors.New("e")) }, task.CodeExecutorPanic},
		"panics with nil":      {func(context.Context, *executor.Run) error { panic(nil) }, task.CodeExecutorPanic}, //nolint:govet // on purpose
		"panics with a trap":   {func(context.Context, *executor.Run) error { panic(trap{}) }, task.CodeExecutorPanic},
		"nil pointer": {func(context.Context, *executor.Run) error {
			var h *nilError
			return errors.New(h.Error())
		}, task.CodeExecutorPanic},
		"ends its goroutine":  {func(context.Context, *executor.Run) error { runtime.Goexit(); return nil }, task.CodeExecutorPanic},
		"panics while saving": {func(ctx context.Context, run *executor.Run) error { return run.Save(ctx, "s", unprintable{}) }, task.CodeExecutorPanic},
		"returns a nil error of a type": {func(context.Context, *executor.Run) error {
			var h *nilError
			return h
		}, task.CodeExecutorPanic},
		"returns a trap": {func(context.Context, *executor.Run) error { return trap{} }, task.CodeExecutorPanic},
		"huge checkpoint, ignored": {func(ctx context.Context, run *executor.Run) error {
			_ = run.Save(ctx, "s", big)
			return nil
		}, task.CodeCheckpointTooLarge},
		"huge checkpoint": {func(ctx context.Context, run *executor.Run) error { return run.Save(ctx, "s", big) }, task.CodeCheckpointTooLarge},
		"huge undo entry, ignored": {func(ctx context.Context, run *executor.Run) error {
			_ = run.SaveUndo(ctx, "s", big)
			return nil
		}, task.CodeCheckpointTooLarge},
		"too long step": {func(ctx context.Context, run *executor.Run) error {
			return run.Save(ctx, strings.Repeat("s", 129), nil)
		}, task.CodeCheckpointTooLarge},
		"no step":        {func(ctx context.Context, run *executor.Run) error { return run.Save(ctx, "", nil) }, executor.CodeCheckpointInvalid},
		"step not UTF-8": {func(ctx context.Context, run *executor.Run) error { return run.Save(ctx, "\xff", nil) }, executor.CodeCheckpointInvalid},
		"unencodable":    {func(ctx context.Context, run *executor.Run) error { return run.Save(ctx, "s", func() {}) }, executor.CodeCheckpointInvalid},
		"not JSON": {func(ctx context.Context, run *executor.Run) error {
			return run.Save(ctx, "s", json.RawMessage("{"))
		}, executor.CodeCheckpointInvalid},
		"stops unasked":     {func(context.Context, *executor.Run) error { return executor.ErrStopped }, executor.CodeExecutorFailed},
		"claims to be lost": {func(context.Context, *executor.Run) error { return executor.ErrLost }, executor.CodeExecutorFailed},
		"code and step without bound": {func(context.Context, *executor.Run) error {
			return &executor.Error{Code: big, Step: big, Err: errors.New(big)}
		}, big[:task.MaxCode]},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := running(t, memstore.New(), executor.Registry{"X": twoSteps(func(ctx context.Context, run *executor.Run) error {
					if run.Tenant().ID == "bad" {
						return tt.execute(ctx, run)
					}
					return nil
				})})
				id := launch(t, e, parallelSpec("a", "bad", "b"))
				rests(t, e, id, plan.Completed)
				f := ends(t, e, id, 2, task.Failed, tt.code).Failure
				if len(f.Reason) > task.MaxReason || f.Reason == "" || f.Attempt != 1 || f.Step == "" {
					t.Errorf("failure %+v", f)
				}
				ends(t, e, id, 1, task.Completed, "")
				ends(t, e, id, 3, task.Completed, "")
			})
		})
	}
}

// A misbehaving rollback ends its task ROLLBACK_FAILED and no other.
func TestBadRollbacks(t *testing.T) {
	t.Parallel()
	tests := map[string]executor.Func{
		"panics":                func(context.Context, *executor.Run) error { panic("x") },
		"ends its goroutine":    func(context.Context, *executor.Run) error { runtime.Goexit(); return nil },
		"nil error of a type":   func(context.Context, *executor.Run) error { var h *nilError; return h },
		"panics while encoding": func(ctx context.Context, run *executor.Run) error { return run.Save(ctx, "s", unprintable{}) },
	}
	for name, undo := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := running(t, memstore.New(), executor.Registry{"X": both{twoSteps(succeed), func(ctx context.Context, run *executor.Run) error {
					if run.Tenant().ID == "bad" {
						return undo(ctx, run)
					}
					return nil
				}}})
				id := launch(t, e, parallelSpec("a", "bad", "b"))
				rests(t, e, id, plan.Completed)
				mustPlan(t)(e.Rollback(t.Context(), id))
				rests(t, e, id, plan.RollbackFailed)
				ends(t, e, id, 1, task.RolledBack, "")
				ends(t, e, id, 2, task.RollbackFailed, task.CodeExecutorPanic)
				ends(t, e, id, 3, task.RolledBack, "")
			})
		})
	}
}

// A goroutine that an executor leaves behind can save nothing any more, not even
// into the next task of the same worker.
func TestLateSave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late := make(chan error, 1)
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			if run.Tenant().ID == "a" {
				go func() {
					time.Sleep(time.Second) // wait until b runs
					late <- errors.Join(run.Save(context.WithoutCancel(ctx), "late", nil), run.SaveUndo(context.WithoutCancel(ctx), "late", nil))
				}()
				return nil
			}
			time.Sleep(2 * time.Second)
			return errors.New("for its checkpoint to be seen")
		})})
		id := launch(t, e, parallelSpec("a", "b"))
		rests(t, e, id, plan.Completed)
		if err := <-late; !errors.Is(err, executor.ErrReturned) {
			t.Errorf("a late save: %v", err)
		}
		for ordinal := range 2 {
			if tk := taskOf(t, e, id, ordinal+1); tk.Checkpoint != nil || len(tk.Undo) > 0 {
				t.Errorf("task %s has %v, %v", tk.ID, tk.Checkpoint, tk.Undo)
			}
		}
	})
}

// Many goroutines of one executor may save at once.
func TestConcurrentSaves(t *testing.T) {
	t.Parallel()
	e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
		var wg sync.WaitGroup
		var failed atomic.Int64
		for i := range 50 {
			wg.Go(func() {
				if run.Save(ctx, fmt.Sprint("step", i), i) != nil || run.SaveUndo(ctx, fmt.Sprint("undo", i), i) != nil {
					failed.Add(1)
				}
				run.Progress(executor.Progress{Done: int64(i)})
			})
		}
		wg.Wait()
		if n := failed.Load(); n > 0 {
			return fmt.Errorf("%d saves failed", n)
		}
		return errors.New("for the checkpoint to be seen")
	})})
	id := launch(t, e, spec("a"))
	rests(t, e, id, plan.Failed)
	tk := ends(t, e, id, 1, task.Failed, executor.CodeExecutorFailed)
	if tk.Failure.Reason != "for the checkpoint to be seen" || len(tk.Undo) != 50 || tk.Checkpoint == nil {
		t.Errorf("%+v", tk)
	}
}

// After a stop, an error that the executor returns is no failure, and nil means that the task is
// done.
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

// A cancelled executor that never saves has its context cancelled after the grace. If it ignores
// that as well it keeps only its own slot and tenant.
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

// A task may save as often as it likes.
func TestManySaves(t *testing.T) {
	t.Parallel()
	saves := 200_000
	if testing.Short() {
		saves = 20_000
	}
	e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
		data := json.RawMessage("1")
		for range saves {
			if err := run.Save(ctx, "s", data); err != nil {
				return err
			}
		}
		return nil
	})})
	id := launch(t, e, spec("a"))
	p := rests(t, e, id, plan.Completed)
	if p.LastEvent != 5 {
		t.Errorf("%d events: saves are none", p.LastEvent)
	}
}

// Checkpoints may be as large as the limit, and not a byte larger.
func TestLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{
			"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
				size := map[string]int{"fits": 64 << 10, "over": 64<<10 + 1}[run.Tenant().ID]
				return run.Save(ctx, "s", json.RawMessage(`"`+string(bytes.Repeat([]byte("x"), size-2))+`"`))
			}),
		}})
		runEngine(t, e)
		id := launch(t, e, parallelSpec("fits", "over"))
		rests(t, e, id, plan.Completed)
		ends(t, e, id, 1, task.Completed, "")
		ends(t, e, id, 2, task.Failed, task.CodeCheckpointTooLarge)
	})
}

// A panic's stack is logged, whatever it panicked with; the failure has no room for
// it.
func TestPanicIsLogged(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{"text": "boom", "trap": trap{}, "unprintable": unprintable{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				core, logs := observer.New(zapcore.DebugLevel)
				e := newEngine(t, memstore.New(), cutover.Config{
					Logger:    zap.New(core),
					Executors: executor.Registry{"X": executor.Func(func(context.Context, *executor.Run) error { panic(value) })},
				})
				runEngine(t, e)
				rests(t, e, launch(t, e, spec("a")), plan.Failed)
				if n := logs.FilterField(zap.String("tenant", "a")).FilterLevelExact(zapcore.ErrorLevel).Len(); n != 1 {
					t.Errorf("%d panics in %v", n, logs.All())
				}
			})
		})
	}
}

// Errors whose methods panic do no harm after a stop either, and hooks get errors that can be read.
func TestTrapAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		trapped := func(ctx context.Context, run *executor.Run) error {
			_ = untilStopped(ctx, run)
			return trap{}
		}
		var ends atomic.Int64
		e := newEngine(t, memstore.New(), cutover.Config{
			Executors: executor.Registry{"X": both{trapped, trapped}},
			Hooks: hook.Hooks{OnExecuteEnd: func(_ context.Context, _ hook.Execution, out hook.Outcome) {
				if errors.Is(out.Err, executor.ErrStopped) || out.Err.Error() == "" {
					t.Error(out.Err)
				}
				ends.Add(1)
			}},
		})
		runEngine(t, e)
		id := launch(t, e, spec("a"))
		time.Sleep(time.Second)
		mustPlan(t)(e.Cancel(t.Context(), id))
		rests(t, e, id, plan.Canceled)
		mustPlan(t)(e.Rollback(t.Context(), id))
		time.Sleep(time.Second)
		mustPlan(t)(e.Cancel(t.Context(), id))
		rests(t, e, id, plan.RollbackFailed)
		if ends.Load() != 2 {
			t.Errorf("%d runs ended", ends.Load())
		}
	})
}

// A task that hangs is not retried while its worker holds it, and no caller gets the answer that it
// was: the error names the worker. Once the worker has released the task, the retry applies.
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

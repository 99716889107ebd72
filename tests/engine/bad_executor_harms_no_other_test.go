package engine

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
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

// nilError is an error whose methods panic on a nil pointer.
type nilError struct{ text string }

func (h *nilError) Error() string { return h.text }

// trap is an error that panics when errors.Is or errors.As inspects it.
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

// A rollback that misbehaves leaves its task ROLLBACK_FAILED; the rollbacks of the other tasks
// succeed.
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

// A panic in an executor is logged once, with the tenant of its task, whatever the value of the
// panic.
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

// After a stop, an executor may return an error whose methods panic: the plan ends nevertheless,
// and the hook receives an error that can be read.
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

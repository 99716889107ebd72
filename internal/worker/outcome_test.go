package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// addedRun returns the run of the first attempt of a task that was added to its plan.
func addedRun() *run {
	r := runOf(task.Running, 1)
	r.worker.plan.Created = 0
	return r
}

// runOf returns a run of a task with the given state and attempt.
func runOf(s task.State, attempt int) *run {
	t := task.Task{ID: task.NewID(1, 1)}
	t.State, t.Attempt = s, attempt
	return &run{worker: &worker{pool: &Pool{log: zap.NewNop()}, plan: &capacity.Plan{Created: 1}}, task: t, ctx: runContext{Context: context.Background()}}
}

// The outcome of a task follows from the error of its executor and from whether the run was
// stopped.
func TestOutcome(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	stop := &executor.StopError{Stop: task.StopPause}
	asked := func(r *run) { r.stopRequested = true }
	cut := func(r *run) { r.interrupt(executor.ErrShutdown) }
	for name, tt := range map[string]struct {
		run     *run
		err     error
		before  func(*run)
		want    store.ChangeKind
		failure string // the code, "" for none
		raises  bool
	}{
		"done":                        {run: runOf(task.Running, 1), want: store.Complete},
		"done although stopped":       {run: runOf(task.Running, 1), before: asked, want: store.Complete},
		"undone":                      {run: runOf(task.RollingBack, 1), want: store.Undone},
		"failed":                      {run: runOf(task.Running, 1), err: failed, want: store.Fail, failure: executor.CodeExecutorFailed},
		"undo failed":                 {run: runOf(task.RollingBack, 1), err: failed, want: store.UndoFail, failure: executor.CodeExecutorFailed},
		"stopped":                     {run: runOf(task.Running, 1), err: stop, before: asked, want: store.Yield},
		"stopped, wrapped":            {run: runOf(task.Running, 1), err: fmt.Errorf("step: %w", stop), before: asked, want: store.Yield},
		"failed after a stop":         {run: runOf(task.Running, 1), err: failed, before: asked, want: store.Yield, failure: executor.CodeExecutorFailed},
		"failed after an interrupt":   {run: runOf(task.Running, 1), err: failed, before: cut, want: store.Yield, failure: executor.CodeExecutorFailed},
		"a stop that nobody asked of": {run: runOf(task.Running, 1), err: stop, want: store.Fail, failure: executor.CodeExecutorFailed},
		"undo stopped":                {run: runOf(task.RollingBack, 1), err: stop, before: asked, want: store.Yield, failure: task.CodeRollbackStopped, raises: true},
		"locked too late":             {run: runOf(task.Running, 2), err: tenantlock.ErrOldToken, want: store.Yield, raises: true},
		"an undo locked too late":     {run: runOf(task.RollingBack, 1), err: tenantlock.ErrOldToken, want: store.Yield, failure: task.CodeRollbackStopped, raises: true},
		"added, and locked too late":  {run: addedRun(), err: tenantlock.ErrOldToken, want: store.Yield, raises: true},
		"a retry, stopped":            {run: runOf(task.Running, 2), err: stop, before: asked, want: store.Yield, raises: true},
		"a retry that kept its lock": {
			run: runOf(task.Running, 2), err: stop, before: func(r *run) { r.kept, r.stopRequested = true, true }, want: store.Yield,
		},
	} {
		if tt.before != nil {
			tt.before(tt.run)
		}
		c, _ := tt.run.outcome(tt.err)
		code := ""
		if c.Failure != nil {
			code = c.Failure.ErrorCode
		}
		if c.Kind != tt.want || code != tt.failure || c.RaiseTokens != tt.raises {
			t.Errorf("%s: kind %d, failure %q, raises tokens %t", name, c.Kind, code, c.RaiseTokens)
		}
		if tried := len(c.Attempts) == 1 && c.Attempts[0].ErrorCode == code; tried != (c.Failure != nil) {
			t.Errorf("%s: attempts %+v with the failure %q", name, c.Attempts, code)
		}
	}
}

type unreadable struct{}

func (unreadable) Error() string { panic("unreadable") }

func TestOutcomeOfAnErrorThatPanics(t *testing.T) {
	t.Parallel()
	c, err := runOf(task.Running, 1).outcome(unreadable{})
	if c.Kind != store.Fail || c.Failure == nil || c.Failure.ErrorCode != task.CodeExecutorPanic {
		t.Errorf("%+v", c)
	}
	if p := new(executor.PanicError); !errors.As(err, &p) {
		t.Errorf("read as %T", err)
	}
}

// If a run is interrupted twice, the first cause counts.
func TestInterruptedOnce(t *testing.T) {
	t.Parallel()
	r := runOf(task.Running, 1)
	r.ctx.Context = t.Context()
	r.interrupt(executor.ErrCanceled)
	r.interrupt(executor.ErrShutdown)
	if !errors.Is(context.Cause(&r.ctx), executor.ErrCanceled) || !r.wasStopped() {
		t.Errorf("cause %v, stopped %t", context.Cause(&r.ctx), r.wasStopped())
	}
	r.close()
}

package worker

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// outcome turns what the executor returned into the change to commit. An error of the executor's
// own may panic when it is read; it counts as a panic then, and nobody reads it again.
func (r *run) outcome(err error) (c store.Change, readable error) {
	defer func() {
		if v := recover(); v != nil {
			readable = &executor.PanicError{Value: fmt.Sprintf("reading the executor's error: %v", v), Stack: debug.Stack()}
			c = r.change(readable)
		}
	}()
	return r.change(err), err
}

// change is outcome for an error that can be read. It reads every error completely.
func (r *run) change(err error) store.Change {
	if err == nil {
		if r.undo() {
			return store.Change{Kind: store.Undone}
		}
		return store.Change{Kind: store.Complete}
	}
	failure, stopped, says := r.failure(err), r.wasStopped(), errors.Is(err, executor.ErrStopped)
	r.logPanic(err)
	var c store.Change
	switch {
	case errors.Is(err, tenantlock.ErrOldToken) && !stopped:
		c.Kind = store.Yield
	case stopped && r.undo():
		c.Kind, c.Failure = store.Yield, task.RollbackStopped(r.task.Attempt, r.step, time.Now())
	case stopped && says:
		c.Kind = store.Yield
	case stopped:
		c.Kind, c.Failure = store.Yield, failure
	case r.undo():
		c.Kind, c.Failure = store.UndoFail, failure
	default:
		c.Kind, c.Failure = store.Fail, failure
	}
	// It may have locked its tenant, now or when the store did not answer.
	c.RaiseTokens = c.Kind == store.Yield && !r.kept && (r.undo() || r.task.Attempt > 1)
	return c
}

func (r *run) failure(err error) *task.FailureInfo {
	info := executor.FailureOf(err, time.Now(), r.task.Attempt, r.step)
	return &info
}

// logPanic logs the stack of an executor's panic: the failure has room for its value only.
func (r *run) logPanic(err error) {
	var p *executor.PanicError
	if errors.As(err, &p) {
		r.Logger().Error("the executor panicked", zap.String("value", fmt.Sprint(p.Value)), zap.ByteString("stack", p.Stack))
	}
}

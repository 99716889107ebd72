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

// outcome returns the change to commit for the error that the executor returned. Reading an error
// of the executor's own type may panic. That counts as a panic of the executor: outcome then
// returns it as readable, so that err is never read again.
func (r *run) outcome(err error) (c store.Change, readable error) {
	defer func() {
		if v := recover(); v != nil {
			readable = &executor.PanicError{Value: fmt.Sprintf("reading the executor's error: %v", v), Stack: debug.Stack()}
			c = r.change(readable)
		}
	}()
	return r.change(err), err
}

// change is outcome for an error that can be read. It reads every error completely, so a panic of
// the error happens here.
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
	// The run may have locked its tenant after the claim, just now or by a call whose answer was
	// lost.
	c.RaiseTokens = c.Kind == store.Yield && !r.kept && (r.undo() || r.task.Attempt > 1)
	return c
}

func (r *run) failure(err error) *task.FailureInfo {
	info := executor.FailureOf(err, time.Now(), r.task.Attempt, r.step)
	return &info
}

// logPanic logs the stack of an executor's panic, because the failure that is stored has room only
// for the panic's value.
func (r *run) logPanic(err error) {
	var p *executor.PanicError
	if errors.As(err, &p) {
		r.Logger().Error("the executor panicked", zap.String("value", fmt.Sprint(p.Value)), zap.ByteString("stack", p.Stack))
	}
}

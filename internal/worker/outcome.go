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

// outcome returns the change to commit for the error that the executor returned. The methods of the
// error may panic, because its type is the host's. outcome treats such a panic as a panic in the
// executor and returns it as readable, for the caller to use instead of err. Otherwise readable is
// err.
func (r *run) outcome(err error) (c store.Change, readable error) {
	defer func() {
		if v := recover(); v != nil {
			readable = &executor.PanicError{Value: fmt.Sprintf("reading the executor's error: %v", v), Stack: debug.Stack()}
			c = r.change(readable)
		}
	}()
	return r.change(err), err
}

// change returns the change to commit for err. It calls every method of err that this process calls
// later, so that outcome recovers a panic in any of them.
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
	// A later attempt, or an undo, may have locked its tenant only after it got its token, possibly
	// by a call whose answer was lost. The next claim of the task then needs a greater token.
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

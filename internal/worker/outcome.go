package worker

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
	c := r.changeFor(err)
	c.Elapsed = r.elapsed()
	if c.Failure != nil {
		c.Attempts = r.task.Tried(c.Failure)
	}
	return c
}

func (r *run) changeFor(err error) store.Change {
	if err == nil {
		return r.success()
	}
	failure, stopped, says := r.failure(err), r.wasStopped(), errors.Is(err, executor.ErrStopped)
	after, resumes := executor.ResumeIn(err)
	limit := r.limit()
	r.logPanic(err)
	var c store.Change
	switch {
	case errors.Is(err, tenantlock.ErrOldToken) && !stopped:
		c.Kind = store.Yield
		if r.undo() {
			c.Failure = r.undoStopped() // kept only if the rollback was canceled meanwhile
		}
	case stopped && resumes:
		// The store applies the stop in force. Without one, because it was withdrawn or because
		// only this process stops, the task waits as the executor asked.
		c = r.hold(after)
	case stopped && r.undo():
		c.Kind, c.Failure = store.Yield, r.undoStopped()
	case stopped && says:
		c.Kind = store.Yield
	case stopped:
		c.Kind, c.Failure = store.Yield, failure
	case limit != nil:
		c = r.fail(r.exceeded(limit, err), 0)
	case resumes:
		c = r.hold(after)
	default:
		c = r.fail(failure, executor.RetryAfter(err))
	}
	// A run that locks its tenant itself may have done so only after it got its token, possibly by
	// a call whose answer was lost. The next claim of the task then needs a greater token.
	c.RaiseTokens = c.Kind == store.Yield && !r.kept && !r.worker.owner().StartLocked(r.task)
	return c
}

// success returns the change for a run whose executor returned nil. If the plan has a
// MinSuccessTime, the task first has to stay good for that time.
func (r *run) success() store.Change {
	s := &r.worker.plan.Strategy
	switch {
	case r.undo():
		return store.Change{Kind: store.Undone}
	case s.MinSuccessTime > 0 && !r.proving():
		return deferred(task.WaitProving, s.MinSuccessTime)
	}
	return store.Change{Kind: store.Complete}
}

// proving reports whether the executor has finished in an earlier run, and this run only verifies
// that the work is still good.
func (r *run) proving() bool { return !r.undo() && r.task.Wait.Why == task.WaitProving }

// fail returns the change for a failure: the next attempt if the plan has one left for it,
// otherwise the end of the task or its undo. The next attempt begins no sooner than after atLeast.
func (r *run) fail(failure *task.FailureInfo, atLeast time.Duration) store.Change {
	retry := &r.worker.plan.Strategy.Retry
	switch {
	case r.undo():
		return store.Change{Kind: store.UndoFail, Failure: failure}
	case failure.Retryable && r.task.Attempt < retry.Attempts:
		c := deferred(task.WaitBackoff, max(atLeast, retry.Wait(r.task.Attempt, rand.Float64())))
		c.Failure = failure
		return c
	}
	return store.Change{Kind: store.Fail, Failure: failure}
}

// hold returns the change for an executor that asked to be continued later.
func (r *run) hold(after time.Duration) store.Change {
	c := deferred(task.WaitHold, after)
	switch {
	case !unstarted(r.locked):
	case r.proving():
		c.Wait = task.WaitProving // it still has to be verified
	default:
		c.Wait = task.WaitPlace
	}
	if r.undo() {
		c.Failure = r.undoStopped()
	}
	return c
}

func deferred(why task.WaitReason, after time.Duration) store.Change {
	return store.Change{Kind: store.Defer, Wait: why, After: min(after, store.MaxWait)}
}

// undoStopped returns the failure of an undo that ends because its rollback was canceled.
func (r *run) undoStopped() *task.FailureInfo {
	return task.RollbackStopped(r.task.Attempt, r.step, time.Now())
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

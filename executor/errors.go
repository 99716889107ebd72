package executor

import (
	"errors"

	"github.com/cutover-go/cutover/task"
)

// What saving may answer, to match with errors.Is.
var (
	// ErrStopped is matched by every [*StopError].
	ErrStopped = errors.New("executor: stopped")
	// ErrLost says that the task belongs to another worker or that the lease is
	// over. Nothing was stored. Return at once, without further effects.
	ErrLost = errors.New("executor: the task is no longer this worker's")
	// ErrReturned says that a goroutine of the executor saved after the executor
	// had returned. Nothing was stored.
	ErrReturned = errors.New("executor: the executor has returned")
)

// Why an executor's context ended: what context.Cause tells.
var (
	// ErrCanceled: a person cancelled the task, and it did not stop by itself
	// within the grace period.
	ErrCanceled = errors.New("executor: the task was cancelled")
	// ErrShutdown: the process goes down. The task goes on elsewhere.
	ErrShutdown = errors.New("executor: the process shuts down")
	// ErrLeaseLost: the process could not keep its lease, so that another worker
	// may have the task by now.
	ErrLeaseLost = errors.New("executor: the lease was lost")
	// ErrTimeout: the task took longer than it may, see the package comment.
	ErrTimeout = errors.New("executor: the task took too long")
	// ErrStalled: the task has saved nothing and reported no progress for longer
	// than it may.
	ErrStalled = errors.New("executor: the task made no progress")
)

// StopError is what a save returns when the task is to stop at this boundary.
// The checkpoint has been stored. The executor cleans up and returns it, wrapped
// or not; if it returns nil instead, its work counts as done. It matches
// [ErrStopped].
type StopError struct {
	// Stop tells whether the task is being paused or cancelled.
	Stop task.Stop
	// Shutdown says that the process goes down: the task goes on elsewhere.
	Shutdown bool
}

func (e *StopError) Error() string {
	if e.Stop == task.Go && e.Shutdown {
		return "executor: stopped: shutdown"
	}
	return "executor: stopped: " + e.Stop.String()
}

// Is reports whether target is [ErrStopped].
func (e *StopError) Is(target error) bool { return target == ErrStopped }

package executor

import (
	"errors"

	"github.com/cutover-go/cutover/task"
)

// Errors of [Run.Save] and [Run.SaveUndo], to match with errors.Is.
var (
	// ErrStopped is matched by every [*StopError].
	ErrStopped = errors.New("executor: stopped")
	// ErrLost means that the task belongs to another worker or that the lease is over. Nothing was
	// stored. The executor must return at once, without further effects.
	ErrLost = errors.New("executor: the task is no longer this worker's")
	// ErrReturned means that a goroutine of the executor saved after the executor had returned.
	// Nothing was stored.
	ErrReturned = errors.New("executor: the executor has returned")
)

// Reasons for the end of an executor's context, as context.Cause returns them.
var (
	// ErrCanceled means that the task was canceled and did not stop by itself within the grace
	// period.
	ErrCanceled = errors.New("executor: the task was cancelled")
	// ErrShutdown means that the process shuts down. Another process continues the task.
	ErrShutdown = errors.New("executor: the process shuts down")
	// ErrLeaseLost means that the process could not keep its lease, so another worker may have the
	// task by now.
	ErrLeaseLost = errors.New("executor: the lease was lost")
	// ErrTimeout means that the attempt took longer than the plan's TaskTimeout allows.
	ErrTimeout = errors.New("executor: the task took too long")
	// ErrStalled means that the task saved nothing and reported no progress for longer than the
	// plan's ProgressDeadline allows.
	ErrStalled = errors.New("executor: the task made no progress")
)

// StopError is the error of a save when the task is to stop at this boundary. The checkpoint has
// been stored. The executor cleans up and returns the error, wrapped or not; if it returns nil
// instead, the task counts as done. StopError matches [ErrStopped].
type StopError struct {
	// Stop is the request in force: to pause or to cancel the task. It is task.Go if only the
	// process shuts down.
	Stop task.Stop
	// Shutdown reports that the process shuts down. Another process continues the task.
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

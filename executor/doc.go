// Package executor defines what a host implements to do the work of a task: a [TaskExecutor],
// optionally with a [Rollbacker], registered under a type name in a [Registry].
//
// # The model
//
// The engine claims a task and calls Execute with a [Run]: the task's tenant and parameters, the
// checkpoint to continue from, and the means to save the next one. Between two saves the executor
// works undisturbed unless its context ends; at each save the engine may ask it to stop. Execute
// may be called many times for one task, by several processes one after the other, and each call
// continues from what the previous one saved:
//
//	Restore -> effect -> Save -> effect -> Save -> return nil
//
// An effect comes before the save that records it, so a crash between the two repeats it: every
// effect on an outside system must tolerate being repeated. For undo data the order is reversed:
// SaveUndo comes before the effect.
//
// # What to do with an error of Save
//
//	the task is to stop here       ErrStopped (*StopError)  clean up, return it
//	the task is another worker's   ErrLost                  return at once
//	the executor has returned      ErrReturned              a goroutine was left behind
//	over a limit                   checkpoint.ErrTooLarge   return it: the task fails
//	not JSON, no step              checkpoint.ErrInvalid    return it: the task fails
//
// A save that is refused with one of the last two errors fails the task, even if the executor
// ignores the error and returns nil.
//
// # Why the context ended
//
//	canceled, grace period over    context.Cause is ErrCanceled
//	the process shuts down         ErrShutdown
//	the lease was lost             ErrLeaseLost
//	the plan's TaskTimeout         ErrTimeout: the task fails with TASK_TIMEOUT
//	the plan's ProgressDeadline    ErrStalled: the task fails with TASK_STALLED
//
// The last two are failures of the attempt and may be retried. An executor that limits a part of
// its work wraps the context itself, with context.WithTimeoutCause and one of the two.
//
// # How to wait
//
// An executor that has to wait for minutes returns [ResumeAfter] and keeps no worker meanwhile. A
// [Hold] is such a wait with a place in the checkpoint.
//
// [Steps] takes care of all of this: the host names the steps, and says how each is done and undone
// and which failures are worth another try. The package executortest runs executors of either kind
// in memory and can interrupt them at every save.
//
// A failure carries a code and whether trying again may help: return [Fail] or [Retryable]. Any
// other error gets its code from [FailureOf], by default EXECUTOR_FAILED.
//
// The package imports task and checkpoint. It knows no plan, no store and no engine: the engine
// implements [Recorder].
package executor

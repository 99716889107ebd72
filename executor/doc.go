// Package executor is what a host implements to do the work of a task: a
// [TaskExecutor], perhaps with a [Rollbacker], under a type name in a [Registry].
//
// # The model
//
// The engine claims a task and calls Execute with a [Run]: the task's tenant and
// parameters, the checkpoint where it goes on, and the means to save the next
// one. Between two saves the executor is on its own; at each save the engine may
// tell it to stop. It may be called many times for one task, by several
// processes one after the other, and each call starts from what the one before
// saved:
//
//	Restore -> effect -> Save -> effect -> Save -> return nil
//
// An effect comes before the save that records it, so a crash between the two
// repeats it: every effect outside must bear being repeated. What an undo needs
// is the other way round: SaveUndo comes before the effect.
//
// # What to do with an error of Save
//
//	the task is to stop here       ErrStopped (*StopError)  clean up, return it
//	the task is another worker's   ErrLost                  return at once
//	the executor has returned      ErrReturned              a goroutine was left behind
//	over a limit                   checkpoint.ErrTooLarge   return it: the task fails
//	not JSON, no step              checkpoint.ErrInvalid    return it: the task fails
//
// A save that was refused by one of the last two fails the task in any case, even
// if the executor ignores the error and returns nil.
//
// # Why the context ended
//
//	cancelled, grace period over   context.Cause is ErrCanceled
//	the process goes down          ErrShutdown
//	the lease is lost              ErrLeaseLost
//
// A host that bounds the time of its executors wraps the context itself, with
// context.WithTimeoutCause and [ErrTimeout] or [ErrStalled]: the failure then has
// the code TASK_TIMEOUT or TASK_STALLED.
//
// An executor made of [Steps] leaves all of this to them: it names its steps, says
// how each is done and undone, and which failures are worth another try. The
// package executortest runs executors of either kind in memory, and interrupts
// them wherever they save.
//
// Failures carry a code and whether to try again: return [Fail] or [Retryable].
// Any other error fails the task with EXECUTOR_FAILED, see [FailureOf].
//
// The package imports task and checkpoint. It knows no plan, no store and no
// engine: the engine comes in as a [Recorder].
package executor

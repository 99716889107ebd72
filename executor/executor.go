package executor

import (
	"context"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
)

// TaskExecutor does the work of a task. Hosts implement it, or use [Steps], a ready-made
// implementation.
type TaskExecutor interface {
	// Execute does the work of run's task and returns nil when it is done. It is called again after
	// a pause, a retry or the loss of a worker, with the checkpoint saved last, so it begins with
	// [Run.Restore] to find out where to continue.
	//
	// Every effect on an outside system may happen twice: after a crash between an effect and the
	// save that records it, the effect is repeated. With [Run.IdempotencyKey] and [Run.Token] the
	// outside system can make that harmless.
	//
	// It must return soon after ctx has ended. One value serves all tasks, so Execute must be safe
	// for concurrent use.
	Execute(ctx context.Context, run *Run) error
}

// Rollbacker is an optional interface of a [TaskExecutor] that can undo its work.
type Rollbacker interface {
	// Rollback returns the tenant to where it was before the task's first attempt, using the undo
	// log. The task may have stopped at any point: [Run.Restore] returns the last checkpoint, and
	// none for a task that completed. Like Execute, Rollback may be called again; it then continues
	// from what it saved.
	Rollback(ctx context.Context, run *Run) error
}

// CanUndo reports whether an executor can undo its work: it is a [Rollbacker], and does not consist
// of [Steps] of which none has an Undo.
func CanUndo(e TaskExecutor) bool {
	if s, made := e.(interface{ cannotUndo(e TaskExecutor) bool }); made && s.cannotUndo(e) {
		return false
	}
	_, can := e.(Rollbacker)
	return can
}

// Verifier is an optional interface of a [TaskExecutor], for plans with a MinSuccessTime.
type Verifier interface {
	// Verify checks that the work of a task is still good when the plan's MinSuccessTime has passed
	// since Execute returned nil. nil completes the task. An error fails the attempt as one of
	// Execute does: if it is retryable and the plan has attempts left, the next attempt calls
	// Execute with the last checkpoint. After the wait of a [ResumeAfter] the engine calls Execute,
	// whose success has to last for another MinSuccessTime. Like Execute, Verify may be called
	// again after a crash.
	Verify(ctx context.Context, run *Run) error
}

// Func adapts a function to [TaskExecutor].
type Func func(ctx context.Context, run *Run) error

// Execute calls f.
func (f Func) Execute(ctx context.Context, run *Run) error { return f(ctx, run) }

// Registry maps the executor types that plans name, for instance BLUE_GREEN_SWITCH, to their
// executors.
type Registry map[string]TaskExecutor

// Recorder stores what a [Run] saves. The engine implements it, and so does executortest; executors
// never see it. Save and SaveUndo are never called concurrently; Progress may be called at any
// time.
type Recorder interface {
	// Save stores c in place of the task's checkpoint, and refuses a c beyond the limits. An error
	// that matches [ErrStopped] means that c was stored. After any other error c was not stored, or
	// it is unknown whether it was. c.Data is shared and must not be modified.
	Save(ctx context.Context, c checkpoint.Checkpoint) error
	// SaveUndo adds u to the task's undo log, with errors as for Save. If the step has an entry
	// already, that entry stays and u is ignored.
	SaveUndo(ctx context.Context, u checkpoint.Undo) error
	// Progress reports how far the task is. It does no I/O and never blocks.
	Progress(p Progress)
}

// Logging is an optional interface of a [Recorder].
type Logging interface {
	// Logger returns the logger of one run, with the fields plan, task and tenant. It is called at
	// most once per run, when the executor first asks for it.
	Logger() *zap.Logger
}

// Progress reports how far a task is. The engine passes the report to its hooks and does not store
// it.
type Progress struct {
	// Done of Total units of work are done, in the executor's own unit; a Total of 0 means unknown.
	Done, Total int64
	// Note is a short message for operators.
	Note string
}

package executor

import (
	"context"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
)

// TaskExecutor does the work of a task. Hosts implement it; [Steps] is a
// ready-made way to.
type TaskExecutor interface {
	// Execute does the work of run's task and returns nil when it is done. It is
	// called again, with the checkpoint saved last, after a pause, a retry or the
	// loss of a worker, so it starts by asking [Run.Restore] where it was.
	//
	// Whatever it does outside may happen twice: after a crash between an effect
	// and the save that records it, the effect is repeated. [Run.IdempotencyKey]
	// and [Run.Token] let the outside system make that harmless.
	//
	// It must return soon after ctx has ended. One value serves all tasks at once.
	Execute(ctx context.Context, run *Run) error
}

// Rollbacker is an optional ability of a [TaskExecutor]: taking its work back.
type Rollbacker interface {
	// Rollback returns the tenant to where it was before the task's first attempt,
	// from what the undo log says. The task may have got anywhere: [Run.Restore]
	// tells, and gives nothing for a task that completed. Like Execute it may be
	// called again and go on from what it saved.
	Rollback(ctx context.Context, run *Run) error
}

// Func is a function as a [TaskExecutor].
type Func func(ctx context.Context, run *Run) error

// Execute calls f.
func (f Func) Execute(ctx context.Context, run *Run) error { return f(ctx, run) }

// Registry maps the executor types that plans name, for instance
// BLUE_GREEN_SWITCH, to what runs them.
type Registry map[string]TaskExecutor

// Recorder keeps what a [Run] saves. The engine implements it, and so does
// executortest; executors never see it. Save and SaveUndo are called one at a
// time, Progress at any time.
type Recorder interface {
	// Save stores c in place of the task's checkpoint, within its limits. If it
	// returns an error that matches [ErrStopped] it has stored c, otherwise an
	// error says that it has not, or cannot tell. c.Data must not be changed.
	Save(ctx context.Context, c checkpoint.Checkpoint) error
	// SaveUndo adds u to the task's undo log, with errors as for Save. A step that
	// has an entry keeps it.
	SaveUndo(ctx context.Context, u checkpoint.Undo) error
	// Progress notes how far the task is. It does no I/O and never blocks.
	Progress(p Progress)
}

// Logging is an optional ability of a [Recorder].
type Logging interface {
	// Logger returns the logger for one run, with plan, task and tenant on it. It
	// is called at most once per run, when the executor first asks for it.
	Logger() *zap.Logger
}

// Progress tells people how far a task is, and the engine that it is alive.
// It is not stored.
type Progress struct {
	// Done of Total, in the executor's own unit; a Total of 0 means unknown.
	Done, Total int64
	// Note is a short text for people.
	Note string
}

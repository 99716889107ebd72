package cutover

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Hooks observe an engine: for logs, metrics and traces. Every function may be
// nil. They are called on the engine's hot paths, from several goroutines, and
// must return quickly; they cannot change what the engine does, but by a panic,
// which they must not do. [ZapHooks] has ready-made ones that log.
type Hooks struct {
	// ExecuteStart is called before an executor runs. The context that it returns
	// is the executor's, and is handed to ExecuteEnd, so that a span needs no
	// global. It must derive from ctx.
	ExecuteStart func(ctx context.Context, x Execution) context.Context
	// ExecuteEnd is called after the outcome was committed, or lost.
	ExecuteEnd func(ctx context.Context, x Execution, out Outcome)
	// Saved is called after a checkpoint or undo entry was stored.
	Saved func(id task.ID, step string, bytes int)
	// Progress is called for every progress that an executor reports.
	Progress func(id task.ID, p executor.Progress)
	// PlanChanged is called after this process changed a plan, by a command or by a
	// step of the plan's own.
	PlanChanged func(p plan.Plan, events []plan.Event)
	// LeaseLost is called when this process has lost its lease, with the number of
	// tasks that it held.
	LeaseLost func(incarnation string, tasks int)
	// WorkerLost is called when this process takes a task from a worker whose lease is
	// over, with the name of the lease.
	WorkerLost func(id task.ID, incarnation string)
	// StoreFault is called for every failed call of the store that is not answered to
	// a caller; most are tried again.
	StoreFault func(op string, err error)
}

// Execution is one run of an executor.
type Execution struct {
	Plan         plan.ID
	Task         task.ID
	Tenant       string
	ExecutorType string
	Attempt      int
	// Rollback tells an undo from the work itself.
	Rollback bool
}

// Outcome is how an execution ended.
type Outcome struct {
	// State is the task's state; meaningless if Lost.
	State task.State
	// Err is what the executor returned.
	Err error
	// Failure is what is recorded of it, nil if nothing is.
	Failure *task.FailureInfo
	// Lost says that the task was taken over: nothing was written.
	Lost    bool
	Elapsed time.Duration
}

func (h Hooks) withDefaults() Hooks {
	if h.ExecuteStart == nil {
		h.ExecuteStart = func(ctx context.Context, _ Execution) context.Context { return ctx }
	}
	if h.ExecuteEnd == nil {
		h.ExecuteEnd = func(context.Context, Execution, Outcome) {}
	}
	if h.Saved == nil {
		h.Saved = func(task.ID, string, int) {}
	}
	if h.Progress == nil {
		h.Progress = func(task.ID, executor.Progress) {}
	}
	if h.PlanChanged == nil {
		h.PlanChanged = func(plan.Plan, []plan.Event) {}
	}
	if h.LeaseLost == nil {
		h.LeaseLost = func(string, int) {}
	}
	if h.WorkerLost == nil {
		h.WorkerLost = func(task.ID, string) {}
	}
	if h.StoreFault == nil {
		h.StoreFault = func(string, error) {}
	}
	return h
}

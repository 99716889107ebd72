package hook

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Hooks are functions that an engine calls. Each may be nil.
type Hooks struct {
	// OnCreate is called before a new plan is written, with the context of the call: that of
	// OnCommandStart. It returns annotations that are stored with the plan beside those of its
	// spec, for instance the context of a trace; an annotation of the spec itself stays as it is.
	// If all of them together are not allowed (plan.MaxAnnotations), what the hook returned is left
	// out, and that is logged. The spec's maps and slices must not be changed. A plan that its
	// idempotency key finds keeps its own annotations.
	OnCreate func(ctx context.Context, s plan.Spec) map[string]string
	// OnCommandStart is called before a command is carried out or refused. The command and
	// OnCommandEnd get the context that it returns, which must derive from ctx.
	OnCommandStart func(ctx context.Context, c Command) context.Context
	// OnCommandEnd is called when the command is over.
	OnCommandEnd func(ctx context.Context, c Command, r CommandResult)
	// OnExecuteStart is called before an executor runs. The executor and OnExecuteEnd get the
	// context that it returns, so that a tracing span can be passed in it. The context must derive
	// from ctx.
	OnExecuteStart func(ctx context.Context, x Execution) context.Context
	// OnExecuteEnd is called after the outcome was committed, or after the task was lost.
	OnExecuteEnd func(ctx context.Context, x Execution, out Outcome)
	// OnSave is called after a checkpoint or an undo entry was stored, with the size of its data.
	OnSave func(id task.ID, step string, bytes int)
	// OnProgress is called for every progress report of an executor.
	OnProgress func(id task.ID, p executor.Progress)
	// OnPlanChange is called after this process changed a plan, by a command or by a step that was
	// due without a command, with the plan as it now is.
	OnPlanChange func(p plan.Plan, events []plan.Event)
	// OnPlanRemoved is called after this process removed a plan that was over, with the plan as it
	// was. It is the last that is heard of the plan, which cannot be read any more. If this process
	// dies at that moment nobody is told; two processes that remove a plan at the same time may
	// both be told.
	OnPlanRemoved func(p plan.Plan, r Removal)
	// OnLeaseLost is called when this process has lost its lease, with the number of tasks that it
	// held.
	OnLeaseLost func(incarnation string, tasks int)
	// OnWorkerLost is called when this process takes a task from a worker whose lease is over, with
	// the name of that lease.
	OnWorkerLost func(id task.ID, incarnation string)
	// OnStoreFault is called for every failed call of the store whose error is not returned to a
	// caller; most of these calls are tried again.
	OnStoreFault func(op string, err error)
}

// Removal is why a plan was removed.
type Removal struct {
	// Retention means that it was kept long enough. Otherwise somebody removed it by a command:
	// Actor, for this Reason, as far as they were given.
	Retention     bool
	Actor, Reason string
}

// Execution is one run of an executor.
type Execution struct {
	Plan         plan.ID
	Task         task.ID
	Tenant       string
	ExecutorType string
	Attempt      int
	// Step is the step of the checkpoint from which the executor continues, empty if there is none.
	Step string
	// Losses counts the workers that the task has lost since its last checkpoint, retry or
	// rollback: above 0 the execution takes over from a process that died or was too slow.
	Losses int
	// Annotations are those of the plan. The map is shared and must not be changed.
	Annotations map[string]string
	// Rollback reports that the executor undoes the work instead of doing it.
	Rollback bool
	// Verify reports that the work was done earlier and that the executor only verifies that it is
	// still good, because the plan has a MinSuccessTime.
	Verify bool
}

// Outcome is the result of an execution.
type Outcome struct {
	// State is the task's state; meaningless if Lost.
	State task.State
	// Err is what the executor returned.
	Err error
	// Failure is the recorded failure, nil if none is recorded.
	Failure *task.FailureInfo
	// Lost reports that the task was taken over: no outcome was written.
	Lost bool
	// Wait is why the task waits now, task.NoWait if it does not, and After for how long: see
	// store.Defer.
	Wait  task.WaitReason
	After time.Duration
	// Elapsed is the time from the claim to the commit of the outcome.
	Elapsed time.Duration
	// Stopping is how much of it passed after this process had learned that the task has to stop,
	// by a pause, a cancel or its own shutdown: how long the executor took to come to a boundary.
	// 0 if nothing asked the task to stop.
	Stopping time.Duration
}

// bad reports whether an operator should hear of the outcome.
func (o Outcome) bad() bool {
	return o.Lost || o.State == task.Failed || o.State == task.RollbackFailed
}

package cutover

import (
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// PlanResult answers a command on a plan.
type PlanResult struct {
	// Plan is the plan as it now is.
	Plan plan.Plan
	// Unchanged says that the plan was as the command asks: nothing was changed.
	Unchanged bool
}

// TaskResult answers a command on a task.
type TaskResult struct {
	// Task is the task as it now is.
	Task task.Task
	// Unchanged says that the task was as the command asks: nothing was changed.
	Unchanged bool
}

// RetryFrom says where the next attempt of a task begins.
type RetryFrom = task.RetryFrom

// The beginnings of a retry.
const (
	// FromCheckpoint hands the saved checkpoint to the executor.
	FromCheckpoint = task.FromCheckpoint
	// FromScratch drops the checkpoint. The undo log stays.
	FromScratch = task.FromScratch
)

// Pause stops a plan: from this one write nothing new is claimed, and what is in
// flight stops at its next boundary. The answer shows how many still are.
func (e *Engine) Pause(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	return e.planCommand(ctx, id, opts, plan.Plan.Pause)
}

// Resume lets a paused or failed plan go on. It acknowledges the failures that
// there are; Plan.Acknowledged in the answer says how many. Tasks that a person
// paused alone stay paused.
func (e *Engine) Resume(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	return e.planCommand(ctx, id, opts, plan.Plan.Resume)
}

// Cancel ends a plan: what is pending is cancelled with it, what is in flight
// stops at its next boundary, or is interrupted after the CancelGrace. Cancelling
// a rollback stops its undos and leaves the plan ROLLBACK_FAILED.
func (e *Engine) Cancel(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	return e.planCommand(ctx, id, opts, plan.Plan.Cancel)
}

// Rollback takes a plan back. It acts as a cancel first; when nothing is running
// any more, everything that ran is undone, the last first.
func (e *Engine) Rollback(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	return e.planCommand(ctx, id, opts, plan.Plan.Rollback)
}

// RetryFailed retries all failed tasks of a plan, [FromCheckpoint] or
// [FromScratch]. It acknowledges nothing: tasks that fail again count again. Tasks whose
// tenant another plan works on by now stay failed.
func (e *Engine) RetryFailed(ctx context.Context, id plan.ID, from RetryFrom, opts ...CommandOption) (PlanResult, error) {
	return e.planCommand(ctx, id, opts, func(p plan.Plan, by plan.By) (plan.Decision, error) {
		return p.RetryFailed(from, by)
	})
}

// planCommand decides and commits until no one else got in between.
func (e *Engine) planCommand(
	ctx context.Context, id plan.ID, opts []CommandOption, decide func(plan.Plan, plan.By) (plan.Decision, error),
) (PlanResult, error) {
	by := commandBy(opts)
	d, p, err := e.client.Decide(ctx, id, func(p plan.Plan) (plan.Decision, error) { return decide(p, by) })
	return PlanResult{Plan: p, Unchanged: d.Unchanged}, err
}

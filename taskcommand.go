package cutover

import (
	"context"

	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// RetryTask starts the next attempt of a failed or paused task, [FromCheckpoint] or
// [FromScratch]. A plan that is FAILED or COMPLETED runs again; in a paused
// plan the task runs after the plan's resume. store.ErrTenantHeld if another plan
// works on the tenant by now. A
// task that a worker still runs, because it hangs for instance, is not retried:
// plan.ErrNotApplicable, and the *plan.StateError names the worker.
func (e *Engine) RetryTask(ctx context.Context, id task.ID, from RetryFrom, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, id, opts, func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
		return p.RetryTask(t, from, by)
	})
}

// PauseTask stops one running task; the rest of its plan goes on. A task that a
// worker runs stops at its next boundary. It holds no slot, keeps its plan open,
// and goes on with ResumeTask only.
func (e *Engine) PauseTask(ctx context.Context, id task.ID, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, id, opts, plan.Plan.PauseTask)
}

// ResumeTask lets a paused task go on, or withdraws a pause or cancel of it that
// has not taken effect yet.
func (e *Engine) ResumeTask(ctx context.Context, id task.ID, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, id, opts, plan.Plan.ResumeTask)
}

// CancelTask ends one task for good. A task that a worker runs stops at its next
// boundary, or is interrupted after the CancelGrace. It can be rolled back.
func (e *Engine) CancelTask(ctx context.Context, id task.ID, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, id, opts, plan.Plan.CancelTask)
}

// SkipTask decides that a pending or failed task is not to be done, or that a failed undo
// is not to be finished; [Because] says why. The tenant is released.
func (e *Engine) SkipTask(ctx context.Context, id task.ID, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, id, opts, plan.Plan.SkipTask)
}

// RollbackTask undoes one task; its plan keeps its state. store.ErrTenantHeld if
// another plan works on the tenant by now.
func (e *Engine) RollbackTask(ctx context.Context, id task.ID, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, id, opts, plan.Plan.RollbackTask)
}

func (e *Engine) taskCommand(
	ctx context.Context, id task.ID, opts []CommandOption, command func(plan.Plan, task.Task, plan.By) (plan.Decision, error),
) (TaskResult, error) {
	by := commandBy(opts)
	var t task.Task
	locked := "" // the tenant that may be locked for this command
	d, p, err := e.client.Decide(ctx, id.Plan(), func(p plan.Plan) (d plan.Decision, err error) {
		if t, err = e.client.Task(ctx, id); err != nil {
			return d, err
		}
		if d, err = command(p, t, by); err != nil || d.Unchanged || !tenantlock.NeedsRelock(t, d.Edits) {
			return d, err
		}
		locked = t.Tenant.ID
		return d, e.locks.Relock(ctx, p, t)
	})
	if err != nil && locked != "" && !store.Temporary(err) { // otherwise it may yet be carried out
		last, done := wait.WithGrace(ctx, giveUpGrace)
		defer done()
		// The task may need the lock all the same: it had one before, or runs by now.
		e.client.Fault("release", e.locks.ReleaseStale(last, id.Plan(), []string{locked}))
	}
	if err != nil {
		return TaskResult{Task: t}, err
	}
	if t, err = e.client.Task(ctx, id); err == nil {
		e.releaser.Add(tenantlock.Locks(p, t)...)
	}
	return TaskResult{Task: t, Unchanged: d.Unchanged}, err
}

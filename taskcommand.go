package cutover

import (
	"context"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// RetryTask starts the next attempt of a failed or paused task, [FromCheckpoint] or [FromScratch].
// A plan that is FAILED or COMPLETED runs again, with everything that is left to do in it; in a
// paused plan the task runs after the plan's resume, and the result has Stopped set. With
// [StayStopped] the plan stays as it is and the task runs alone. Returns store.ErrTenantHeld if
// another plan holds the tenant. A task that a worker still runs, for instance because its executor
// hangs, is not retried: the error is then a *plan.StateError that names the worker and matches
// plan.ErrNotApplicable.
func (e *Engine) RetryTask(ctx context.Context, id task.ID, from RetryFrom, opts ...RetryOption) (TaskResult, error) {
	return e.taskCommand(ctx, "RetryTask", id, retryOf(opts), func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
		return p.RetryTask(t, from, by)
	})
}

// PauseTask stops one running task; the rest of its plan goes on. If a worker runs the task, it
// stops at its next boundary. While it is paused the task takes no slot of the plan's concurrency
// and keeps the plan from completing. ResumeTask or RetryTask continues it; the plan's resume does
// not.
func (e *Engine) PauseTask(ctx context.Context, id task.ID, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, "PauseTask", id, commandOf(opts), plan.Plan.PauseTask)
}

// ResumeTask continues a paused task, or withdraws a pause or cancel of the task that has not taken
// effect yet. In a paused plan the task runs after the plan's resume, and the result has Stopped
// set.
func (e *Engine) ResumeTask(ctx context.Context, id task.ID, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, "ResumeTask", id, commandOf(opts), plan.Plan.ResumeTask)
}

// CancelTask ends one task. If a worker runs the task, it stops at its next boundary; an executor
// that has not stopped after the CancelGrace has its context canceled. A canceled task can still be
// rolled back.
func (e *Engine) CancelTask(ctx context.Context, id task.ID, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, "CancelTask", id, commandOf(opts), plan.Plan.CancelTask)
}

// SkipTask decides that a pending or failed task is not to be done, also before the plan is
// started, or that a failed undo is not to be finished. Give the reason with [Because]. The tenant
// is released. A FAILED plan stays FAILED while something is left to do in it: resume it.
func (e *Engine) SkipTask(ctx context.Context, id task.ID, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, "SkipTask", id, commandOf(opts), plan.Plan.SkipTask)
}

// RollbackTask undoes one task; its plan keeps its state. Returns store.ErrTenantHeld if another
// plan holds the tenant, and [ErrCannotUndo] if this process has the executor, and it cannot undo.
func (e *Engine) RollbackTask(ctx context.Context, id task.ID, opts ...CommandOption) (TaskResult, error) {
	return e.taskCommand(ctx, "RollbackTask", id, commandOf(opts), func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
		return e.cfg.undoable(p.RollbackTask(t, by))
	})
}

// taskCommand decides and commits a command on a task, and repeats both if the plan or the task
// changed in between. If the command makes the task go on, it locks the tenant first; if the task
// does not need its tenant any more, it releases the lock.
func (e *Engine) taskCommand(
	ctx context.Context, name string, id task.ID, c command, decide func(plan.Plan, task.Task, plan.By) (plan.Decision, error),
) (TaskResult, error) {
	var p plan.Plan
	return observe(ctx, e, c.as(name, id.Plan(), id), func(ctx context.Context) (r TaskResult, err error) {
		r, p, err = decideTask(ctx, e, id, c, decide)
		return r, err
	}, func(r TaskResult) hook.CommandResult {
		return hook.CommandResult{Plan: p, Unchanged: r.Unchanged, Repeated: r.Repeated}
	})
}

func decideTask(
	ctx context.Context, e *Engine, id task.ID, c command, decide func(plan.Plan, task.Task, plan.By) (plan.Decision, error),
) (TaskResult, plan.Plan, error) {
	var t task.Task
	if p, repeated, err := c.repeated(ctx, e.client, id.Plan()); repeated || err != nil {
		if repeated {
			t, err = e.client.Task(ctx, id)
		}
		return TaskResult{Task: t, Repeated: repeated}, p, err
	}
	locked := "" // the tenant that may be locked for this command
	d, p, err := e.client.DecideAs(ctx, c.id, id.Plan(), func(p plan.Plan) (d plan.Decision, err error) {
		if err := c.Check(p); err != nil {
			return d, err
		}
		if t, err = e.client.Task(ctx, id); err != nil {
			return d, err
		}
		if d, err = decide(p, t, c.By); err != nil || d.Unchanged || !tenantlock.NeedsRelock(t, d.Edits) {
			return d, err
		}
		locked = t.Tenant.ID
		return d, e.locks.Relock(ctx, p, t)
	})
	if err != nil && locked != "" && !store.Temporary(err) { // after a temporary error the command may still take effect
		last, done := wait.WithGrace(ctx, giveUpGrace)
		defer done()
		// The lock is released only if it is stale: the task may have held the lock before the
		// command, or may be running by now.
		e.client.Fault("release", e.locks.ReleaseStale(last, id.Plan(), []string{locked}))
	}
	if err != nil {
		return TaskResult{Task: t}, p, err
	}
	if d.Unchanged && !d.Changed {
		return TaskResult{Task: t, Unchanged: true, Stopped: stopped(&d.Plan, t)}, p, nil
	}
	if t, err = e.client.Task(ctx, id); err == nil {
		// The tenant is released here and not by the releaser: the releaser works only in
		// Engine.Run, which a process that just gives commands need not call.
		e.client.Fault("release", e.locks.Release(ctx, p, t))
	}
	return TaskResult{Task: t, Unchanged: d.Unchanged, Stopped: stopped(&p, t)}, p, err
}

// stopped reports whether a running task, which no worker holds, is not claimed in the state of its
// plan.
func stopped(p *plan.Plan, t task.Task) bool {
	return t.State == task.Running && t.Worker == "" && !p.Claims(t.Request, false)
}

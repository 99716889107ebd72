package cutover

import (
	"context"

	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// PlanResult is the result of a command on a plan.
type PlanResult struct {
	// Plan is the plan as it now is.
	Plan plan.Plan
	// Unchanged reports that the plan was already as the command asks: nothing was changed.
	Unchanged bool
	// Repeated reports that the command was carried out by an earlier call with the same
	// [CommandID]: this call has changed nothing.
	Repeated bool
}

// TaskResult is the result of a command on a task.
type TaskResult struct {
	// Task is the task as it now is.
	Task task.Task
	// Unchanged reports that the task was already as the command asks: nothing was changed.
	Unchanged bool
	// Repeated is as in PlanResult.
	Repeated bool
	// Stopped reports that no worker takes the task before its plan runs again, although the task
	// is RUNNING in this result: the plan is stopped, and the command is not a retry with
	// [StayStopped]. An engine makes the task PAUSED when it next looks at the plan.
	Stopped bool
}

// RetryFrom is where the next attempt of a task begins.
type RetryFrom = task.RetryFrom

// Where a retry begins.
const (
	// FromCheckpoint passes the saved checkpoint to the executor.
	FromCheckpoint = task.FromCheckpoint
	// FromScratch drops the checkpoint. The undo log stays.
	FromScratch = task.FromScratch
)

// Pause stops a plan with one write: from then on no further task of the plan starts, and running
// tasks stop at their next boundary. Undos go on. The counters of the returned plan show how many
// tasks are still in flight.
func (e *Engine) Pause(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	return planCommand(ctx, e, "Pause", id, opts, plan.Plan.Pause)
}

// Resume continues a paused or failed plan. It acknowledges the failures of the plan so far;
// Plan.Acknowledged in the result is their number. Failed tasks stay failed, and tasks that were
// paused individually stay paused. While the open wave is being undone a plan cannot be resumed.
func (e *Engine) Resume(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	return planCommand(ctx, e, "Resume", id, opts, plan.Plan.Resume)
}

// Cancel ends a plan: its pending tasks are canceled in the same write. Tasks in flight stop at
// their next boundary; if an executor has not stopped after the CancelGrace, its context is
// canceled. Canceling a rollback stops its undos and leaves the plan ROLLBACK_FAILED.
func (e *Engine) Cancel(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	return planCommand(ctx, e, "Cancel", id, opts, plan.Plan.Cancel)
}

// Rollback undoes a plan. It first acts like a cancel; when no task is running any more, every task
// that has run is undone, in reverse order. Returns [ErrCannotUndo] if this process has the plan's
// executor, and it cannot undo.
func (e *Engine) Rollback(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	return planCommand(ctx, e, "Rollback", id, opts, func(p plan.Plan, by plan.By) (plan.Decision, error) {
		return e.cfg.undoable(p.Rollback(by))
	})
}

// RollbackWave undoes what has run of a wave, in reverse order, and keeps the rest of the plan as
// it is. wave is its number, from 1. What runs in the wave is canceled first; tasks of it that have
// not begun stay pending. A wave that has passed can be undone at any time, the open one only while
// the plan is PAUSED, FAILED or over; a resume then goes on with its pending tasks. The commands
// [Engine.Cancel] and [Engine.Rollback] end the undo. Given again while the wave is being undone,
// the command is Unchanged; later it undoes what is not undone yet: undos that failed, and tasks
// that have run since. Returns plan.ErrNotApplicable if there is no such wave, if it has not
// opened, or if another one is being undone, and [ErrCannotUndo] as [Engine.Rollback] does.
func (e *Engine) RollbackWave(ctx context.Context, id plan.ID, wave int, opts ...CommandOption) (PlanResult, error) {
	return planCommand(ctx, e, "RollbackWave", id, opts, func(p plan.Plan, by plan.By) (plan.Decision, error) {
		return e.cfg.undoable(p.RollbackWave(wave, by))
	})
}

// RetryFailed retries all failed tasks of a plan, [FromCheckpoint] or [FromScratch]. It
// acknowledges nothing: a task that fails again counts again. A plan that is FAILED or COMPLETED
// runs again; in a paused plan the tasks run after the plan's resume. It is carried out as the
// commands of a [Selection] are: a task whose tenant is held by another plan stays failed, and it
// returns plan.ErrSweepsFull if too many commands on many tasks are under way. [Engine.Select]
// retries only some of the failed tasks, and counts them first.
func (e *Engine) RetryFailed(ctx context.Context, id plan.ID, from RetryFrom, opts ...CommandOption) (PlanResult, error) {
	return planCommand(ctx, e, "RetryFailed", id, opts, func(p plan.Plan, by plan.By) (plan.Decision, error) {
		return p.RetryFailed(from, by)
	})
}

// Approve allows a wave of a plan to open as soon as the waves before it are over. wave is its
// number, from 1; 0 means the next wave that needs an approval. An approval may be given before it
// is asked for. Returns plan.ErrNotApplicable if no such wave waits, or will wait.
func (e *Engine) Approve(ctx context.Context, id plan.ID, wave int, opts ...CommandOption) (PlanResult, error) {
	return planCommand(ctx, e, "Approve", id, opts, func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Approve(wave, by) })
}

// Reject pauses a plan before a wave that needs an approval, and takes back an approval of a wave
// that has not opened. After a resume the plan asks for the approval again. wave is as in
// [Engine.Approve].
func (e *Engine) Reject(ctx context.Context, id plan.ID, wave int, opts ...CommandOption) (PlanResult, error) {
	return planCommand(ctx, e, "Reject", id, opts, func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Reject(wave, by) })
}

// Tune changes the strategy of a plan that may be running; fields that t leaves unset stay as they
// are. Plan.Rules returns the strategy in force, Plan.Strategy the one that the plan was created
// with. Returns plan.ErrInvalid if t has faults, and names each.
func (e *Engine) Tune(ctx context.Context, id plan.ID, t strategy.Tuning, opts ...CommandOption) (PlanResult, error) {
	return planCommand(ctx, e, "Tune", id, opts, func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Tune(t, by) })
}

// Note writes down the reason that is given with [Because] as an event of the plan, for instance
// for whoever takes over. It changes nothing else but the plan's version, and can be given in every
// state; while the plan is being started it returns plan.ErrNotApplicable. Without a reason it
// returns plan.ErrInvalid.
func (e *Engine) Note(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	return planCommand(ctx, e, "Note", id, opts, plan.Note)
}

// planCommand decides and commits a command, and repeats both if the plan changed in between.
func planCommand(
	ctx context.Context, e *Engine, name string, id plan.ID, opts []CommandOption, decide func(plan.Plan, plan.By) (plan.Decision, error),
) (PlanResult, error) {
	c := commandOf(opts)
	return observe(ctx, e, c.as(name, id, 0), func(ctx context.Context) (PlanResult, error) {
		return decideAndCommit(ctx, e, id, c, decide)
	}, PlanResult.report)
}

func decideAndCommit(
	ctx context.Context, e *Engine, id plan.ID, c command, decide func(plan.Plan, plan.By) (plan.Decision, error),
) (PlanResult, error) {
	if p, repeated, err := c.repeated(ctx, e.client, id); repeated || err != nil {
		return PlanResult{Plan: p, Repeated: repeated}, err
	}
	d, p, err := e.client.DecideAs(ctx, c.id, id, func(p plan.Plan) (plan.Decision, error) {
		if err := c.Check(p); err != nil {
			return plan.Decision{}, err
		}
		return decide(p, c.By)
	})
	return PlanResult{Plan: p, Unchanged: d.Unchanged}, err
}

// repeated reports whether the plan remembers a command, and returns the plan if it does.
func (c command) repeated(ctx context.Context, client *storeclient.Client, id plan.ID) (plan.Plan, bool, error) {
	if c.id == "" {
		return plan.Plan{}, false, nil
	}
	return client.Remembers(ctx, c.id, id)
}

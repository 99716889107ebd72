package cutover

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
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
	d, p, err := e.decide(ctx, id, func(p plan.Plan) (plan.Decision, error) { return decide(p, by) })
	return PlanResult{Plan: p, Unchanged: d.Unchanged}, err
}

// maxRaces bounds how often a decision is made again because somebody else
// changed the plan in between.
const maxRaces = 1000

// decide reads the plan, lets f decide, and commits. After a conflict, also one that f finds,
// it does so again. It returns the decision and the plan as it is afterwards.
func (e *Engine) decide(ctx context.Context, id plan.ID, f func(plan.Plan) (plan.Decision, error)) (plan.Decision, plan.Plan, error) {
	for range maxRaces {
		p, err := e.readPlan(ctx, id)
		if err != nil {
			return plan.Decision{}, plan.Plan{}, err
		}
		d, err := f(p)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil || !d.Changed {
			return d, p, err
		}
		after, err := e.apply(ctx, p, d)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		return d, after, err
	}
	return plan.Decision{}, plan.Plan{}, fmt.Errorf("plan %s: %w, %d times in a row", id, store.ErrConflict, maxRaces)
}

func (e *Engine) readPlan(ctx context.Context, id plan.ID) (p plan.Plan, err error) {
	err = e.command(ctx, "plan", func() error {
		p, err = e.store.Plan(ctx, id)
		return err
	})
	return p, named(err, "plan", id)
}

// named says what was not found.
func named(err error, kind string, id fmt.Stringer) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s %s: %w", kind, id, err)
	}
	return err
}

// raisesTokens reports whether a decision on p comes, or may come, after tenants were
// locked for tasks that have a token already, or have none yet: by a start, for a retry or
// a rollback, or by a worker that is gone. From then on tokens have to be greater than
// those of whoever had the tenants before.
func raisesTokens(p plan.Plan, d plan.Decision) bool {
	return d.Plan.StartToken != p.StartToken || d.Plan.Undo.Round != p.Undo.Round ||
		slices.ContainsFunc(d.Edits, func(e task.Edit) bool { return e.State.InFlight() })
}

// apply commits a decision made on p.
func (e *Engine) apply(ctx context.Context, p plan.Plan, d plan.Decision) (plan.Plan, error) {
	c := store.Command{ID: newID(), Version: p.Version, Failed: -1, RaiseTokens: raisesTokens(p, d), Decision: d}
	if d.Plan.Acknowledged != p.Acknowledged || d.Plan.State == plan.Running && p.State != plan.Running {
		// It acknowledges, or lets the plan run again with, the failures that it saw.
		c.Failed = p.Counters.Of(task.Failed)
	}
	var applied store.Applied
	err := e.command(ctx, "apply", func() (err error) {
		applied, err = e.store.Apply(ctx, c)
		return err
	})
	if err != nil {
		return plan.Plan{}, err
	}
	e.cfg.Hooks.OnPlanChange(applied.Plan, d.Events)
	e.changed(p.ID)
	return applied.Plan, nil
}

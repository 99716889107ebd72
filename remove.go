package cutover

import (
	"context"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
)

// Remove removes a plan that is over, now instead of after the Retention: its tasks, its events and
// its idempotency key are gone, and nothing tells who removed it but the hook OnPlanRemoved.
// Returns plan.ErrNotApplicable until the plan has been over for plan.KeptAtLeast, and
// store.ErrNotFound if there is no such plan, or no more.
//
// From the first step on the plan cannot be read. If ctx ends before the last one, or the store
// goes away, any engine carries the removal on. A [CommandID] has no effect.
func (e *Engine) Remove(ctx context.Context, id plan.ID, opts ...CommandOption) error {
	c := commandOf(opts)
	_, err := observe(ctx, e, c.as("Remove", id, 0), func(ctx context.Context) (plan.Plan, error) {
		return remove(ctx, e, id, c)
	}, func(p plan.Plan) hook.CommandResult { return hook.CommandResult{Plan: p} })
	return err
}

// remove removes a plan and returns it as it was.
func remove(ctx context.Context, e *Engine, id plan.ID, c command) (plan.Plan, error) {
	p, err := e.client.Plan(ctx, id)
	if err == nil {
		err = c.Check(p)
	}
	if err == nil {
		err = plan.CheckRemoval(p)
	}
	if err != nil {
		return p, err
	}
	for begun, more := false, true; more; {
		err = e.client.Do(ctx, "remove", func() (err error) {
			more, err = e.client.Store.Remove(ctx, id)
			return err
		})
		if err != nil {
			return p, err
		}
		if !begun { // whoever carries it on has not read the plan
			e.cfg.Hooks.OnPlanRemoved(p, hook.Removal{Actor: c.Actor, Reason: c.Reason})
			begun = true
		}
	}
	return p, nil
}

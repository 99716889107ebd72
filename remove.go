package cutover

import (
	"context"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/plan"
)

// Remove removes a plan that is over, now instead of after the Retention: its tasks, its events and
// its idempotency key are gone, and nothing tells who removed it but Config.Logger. Returns
// plan.ErrNotApplicable until the plan has been over for plan.KeptAtLeast, and store.ErrNotFound if
// there is no such plan, or no more.
//
// From the first step on the plan cannot be read. If ctx ends before the last one, or the store
// goes away, any engine carries the removal on. A [CommandID] has no effect.
func (e *Engine) Remove(ctx context.Context, id plan.ID, opts ...CommandOption) error {
	c := commandOf(opts)
	p, err := e.client.Plan(ctx, id)
	if err == nil {
		err = c.Check(p)
	}
	if err == nil {
		err = plan.CheckRemoval(p)
	}
	if err != nil {
		return err
	}
	for more := true; more; {
		err = e.client.Do(ctx, "remove", func() (err error) {
			more, err = e.client.Store.Remove(ctx, id)
			return err
		})
		if err != nil {
			return err
		}
	}
	e.cfg.Logger.Info("plan removed", zap.String("plan", id.String()), zap.String("actor", c.Actor), zap.String("reason", c.Reason))
	return nil
}

package cutover

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// retainInterval is how often an engine looks for plans that are over and that the agenda
// does not bring up in time.
const retainInterval = 24 * time.Hour

// retain removes plans that are over and were kept long enough, until ctx ends. The engine
// that sees a plan come to its end puts the time of its removal on the agenda, so that a
// plan which rests costs nothing until then. Other processes may have kept plans for
// longer, or for ever: a walk over all plans finds them, at the start and once a day.
func (e *Engine) retain(ctx context.Context) {
	if e.cfg.Retention <= 0 {
		return
	}
	for ctx.Err() == nil {
		e.retainPages(ctx)
		wait.For(ctx, wait.Jitter(retainInterval))
	}
}

// retainPages walks over all plans that are over, page by page, with a pause after each.
func (e *Engine) retainPages(ctx context.Context) {
	q := store.PlanQuery{States: []plan.State{plan.Completed, plan.Canceled, plan.RolledBack}, Limit: store.MaxBatch}
	for ctx.Err() == nil {
		plans, err := e.store.Plans(ctx, q)
		e.client.Fault("plans", err)
		if len(plans) > 0 {
			err = e.store.Remind(ctx, e.retainPage(ctx, plans))
			e.client.Fault("remind", err)
		}
		switch {
		case store.Temporary(err):
			wait.For(ctx, wait.Jitter(e.cfg.PollInterval)) // then the same page again
		case len(plans) == 0:
			return
		default:
			q.Before = plans[len(plans)-1].ID
			wait.For(ctx, wait.Jitter(e.cfg.PollInterval/10))
		}
	}
}

// retainPage removes what was kept long enough, and returns for how long the others may
// stay. A reminder alone would not do: an engine that keeps plans for longer may be the
// one that gets it.
func (e *Engine) retainPage(ctx context.Context, plans []plan.Plan) map[plan.ID]time.Duration {
	left := make(map[plan.ID]time.Duration, len(plans))
	for _, p := range plans {
		switch {
		case !p.Over():
		case p.Idle >= e.keepFor():
			e.client.Fault("remove", e.remove(ctx, p.ID))
		default:
			left[p.ID] = e.keepFor() - p.Idle
		}
	}
	return left
}

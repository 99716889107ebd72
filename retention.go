package cutover

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// maxRetireInterval bounds how long a plan stays that the agenda does not bring up.
const maxRetireInterval = 10 * time.Minute

// retire removes plans that were kept long enough, until ctx ends. The agenda
// brings up those that this configuration saw come to an end; this walk finds the
// others, which rested for good before a Retention was set.
func (e *Engine) retire(ctx context.Context) {
	if e.cfg.Retention <= 0 {
		return
	}
	interval := min(max(e.cfg.Retention/10, e.cfg.PollInterval), maxRetireInterval)
	for ctx.Err() == nil {
		e.retireOnce(ctx)
		sleep(ctx, jitter(interval))
	}
}

func (e *Engine) retireOnce(ctx context.Context) {
	q := store.PlanQuery{States: []plan.State{plan.Completed, plan.Cancelled, plan.RolledBack}, Limit: duePage}
	for ctx.Err() == nil {
		plans, err := e.store.Plans(ctx, q)
		e.fault("plans", err)
		if len(plans) == 0 {
			return
		}
		for _, p := range plans {
			if p.Over() && p.Idle >= e.cfg.Retention {
				e.remove(ctx, p.ID)
			}
		}
		q.Before = plans[len(plans)-1].ID
	}
}

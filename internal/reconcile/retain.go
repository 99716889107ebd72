package reconcile

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// retainInterval is how often a process looks for plans that are over and that the agenda does not
// bring up in time.
const retainInterval = 24 * time.Hour

// removeFor bounds how long a plan is removed before others get their turn.
const removeFor = 100 * time.Millisecond

// keepFor is how long a plan is kept that is over. As long as requests may be on their way the plan
// has to be there, or one that locks a tenant would leave a lock for good.
func (r *Reconciler) keepFor() time.Duration { return max(r.opts.Retention, tenantlock.Lateness) }

// removeFinished removes a plan that is over when it was kept long enough.
func (r *Reconciler) removeFinished(ctx context.Context, p plan.Plan) (changed bool, err error) {
	if r.opts.Retention > 0 && p.Idle >= r.keepFor() {
		return true, r.remove(ctx, p.ID)
	}
	return false, nil
}

// Remove removes a plan, or a creation that was given up, or as much of it as can be done in a
// short time: the agenda brings up the rest. Faults are reported; it is tried again when the plan
// is due again.
func (r *Reconciler) Remove(ctx context.Context, id plan.ID) {
	r.opts.Client.Fault("remove", r.remove(ctx, id))
}

func (r *Reconciler) remove(ctx context.Context, id plan.ID) error {
	for began := time.Now(); ; {
		more, err := r.opts.Client.Store.Remove(ctx, id)
		if err != nil || !more {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Since(began) > removeFor {
			r.opts.Due.Raise()
			return nil
		}
	}
}

// Retain removes plans that are over and were kept long enough, until ctx ends. The process that
// sees a plan come to its end puts the time of its removal on the agenda, so that a plan which
// rests costs nothing until then. Other processes may have kept plans for longer, or for ever: a
// walk over all plans finds them, at the start and once a day.
func (r *Reconciler) Retain(ctx context.Context) {
	if r.opts.Retention <= 0 {
		return
	}
	for ctx.Err() == nil {
		r.retainPages(ctx)
		wait.For(ctx, wait.Jitter(retainInterval))
	}
}

// retainPages walks over all plans that are over, page by page, with a pause after each.
func (r *Reconciler) retainPages(ctx context.Context) {
	q := store.PlanQuery{States: []plan.State{plan.Completed, plan.Canceled, plan.RolledBack}, Limit: store.MaxBatch}
	for ctx.Err() == nil {
		plans, err := r.opts.Client.Store.Plans(ctx, q)
		r.opts.Client.Fault("plans", err)
		if len(plans) > 0 {
			err = r.opts.Client.Store.Remind(ctx, r.retainPage(ctx, plans))
			r.opts.Client.Fault("remind", err)
		}
		switch {
		case store.Temporary(err):
			wait.For(ctx, wait.Jitter(r.opts.PollInterval)) // then the same page again
		case len(plans) == 0:
			return
		default:
			q.Before = plans[len(plans)-1].ID
			wait.For(ctx, wait.Jitter(r.opts.PollInterval/10))
		}
	}
}

// retainPage removes what was kept long enough, and returns for how long the others may stay. A
// reminder alone would not do: a process that keeps plans for longer may be the one that gets it.
func (r *Reconciler) retainPage(ctx context.Context, plans []plan.Plan) map[plan.ID]time.Duration {
	left := make(map[plan.ID]time.Duration, len(plans))
	for _, p := range plans {
		switch {
		case !p.Over():
		case p.Idle >= r.keepFor():
			r.Remove(ctx, p.ID)
		default:
			left[p.ID] = r.keepFor() - p.Idle
		}
	}
	return left
}

package reconcile

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// retainInterval is how often a process walks over the plans that are over, to find those whose
// removal is not on the agenda in time.
const retainInterval = 24 * time.Hour

// removeFor bounds the time that one call spends on the removal of a plan, so that other plans get
// their turn.
const removeFor = 100 * time.Millisecond

// keepFor returns how long a plan is kept after it is over: the Retention, at least
// tenantlock.Lateness. While requests may be under way the plan has to exist, or a request that
// locks a tenant would leave a lock that nothing releases.
func (r *Reconciler) keepFor() time.Duration { return max(r.opts.Retention, tenantlock.Lateness) }

// removeFinished removes a plan that is over if it was kept long enough.
func (r *Reconciler) removeFinished(ctx context.Context, p plan.Plan) (changed bool, err error) {
	if r.opts.Retention > 0 && p.Idle >= r.keepFor() {
		return true, r.remove(ctx, p.ID, func() { r.opts.PlanRemoved(p) })
	}
	return false, nil
}

// Remove removes a creation that was given up, or what is left of a plan, or as much of it as it
// can in a short time. What remains stays on the agenda, and Remove is called again when the plan
// is due again. Faults are reported.
func (r *Reconciler) Remove(ctx context.Context, id plan.ID) {
	r.opts.Client.Fault("remove", r.remove(ctx, id, func() {}))
}

// remove calls begun when the first step is done: from then on nobody can read the plan.
func (r *Reconciler) remove(ctx context.Context, id plan.ID, begun func()) error {
	for began := time.Now(); ; {
		more, err := r.opts.Client.Store.Remove(ctx, id)
		if err == nil {
			begun()
			begun = func() {}
		}
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
// sees a plan end puts the time of its removal on the agenda, so that the plan costs nothing until
// then. Other processes may have kept plans for longer, or for ever: a walk over all plans finds
// such plans, at the start and once a day.
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
			wait.For(ctx, wait.Jitter(r.opts.PollInterval)) // then read the same page again
		case len(plans) == 0:
			return
		default:
			q.Before = plans[len(plans)-1].ID
			wait.For(ctx, wait.Jitter(r.opts.PollInterval/10))
		}
	}
}

// retainPage removes the plans that were kept long enough, and returns how much longer each of the
// others is kept. A reminder alone would not suffice, because the process that handles it may keep
// plans for longer.
func (r *Reconciler) retainPage(ctx context.Context, plans []plan.Plan) map[plan.ID]time.Duration {
	left := make(map[plan.ID]time.Duration, len(plans))
	for _, p := range plans {
		switch {
		case !p.Over():
		case p.Idle >= r.keepFor():
			r.opts.Client.Fault("remove", r.remove(ctx, p.ID, func() { r.opts.PlanRemoved(p) }))
		default:
			left[p.ID] = r.keepFor() - p.Idle
		}
	}
	return left
}

package dispatch

import (
	"context"
	"crypto/rand"

	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// fill uses all free capacity to claim tasks, plan by plan, beginning with the plan that was served
// least recently. Claims of several plans are under way concurrently.
func (d *Dispatcher) fill(ctx context.Context) {
	for ctx.Err() == nil {
		l := d.opts.Keeper.Current()
		if l == nil || !l.Alive() {
			return
		}
		p, n := d.opts.Queue.Next()
		if n == 0 {
			return
		}
		d.opts.Pool.Go(func() { d.serve(l, p, n) })
	}
}

// serve claims tasks of a plan with capacity for n of them, starts workers for the claimed tasks,
// and releases the capacity that is left.
func (d *Dispatcher) serve(l *lease.Lease, p *capacity.Plan, n int) {
	var taken chosen
	claim := store.Claim{ID: rand.Text(), Worker: l.Name(), Max: min(n, store.MaxBatch)}
	if p.Chooses() {
		taken = d.choose(l.Context(), p, claim.Max)
		claim.Chosen, claim.Pending, claim.RaiseTokens = true, taken.ordinals, len(taken.locks) > 0
	}
	tasks, claimable := d.claim(l, p, claim)
	if p.Chooses() {
		d.unlock(l.Context(), taken, tasks)
		claimable = claimable && len(tasks) > 0
	}
	d.opts.Queue.ClaimDone(p, claimable)
	for _, t := range tasks {
		d.opts.Pool.Start(l, p, t, taken.phase)
	}
	d.opts.Queue.Release(n - len(tasks))
}

// claim claims tasks of a plan, and reports whether the plan has more to claim. It repeats the
// claim while the store is unreachable and the lease is alive. After an error it returns no tasks
// and false.
func (d *Dispatcher) claim(l *lease.Lease, p *capacity.Plan, c store.Claim) (tasks []task.Task, claimable bool) {
	b := store.Batch{Plan: p.ID, Claim: c}
	err := d.opts.Client.Retry(l.Context(), "claim", l.Left(), func() error {
		err := d.opts.Client.Store.Commit(l.Context(), &b)
		if err != nil {
			d.opts.Registry.MarkUncertain(p.ID)
		}
		return err
	})
	if err != nil {
		d.opts.Client.Fault("claim", err)
		return nil, false
	}
	d.Committed(&b)
	return b.Claimed, b.View.Claimable
}

// Committed has to be called after each commit of a worker. It sets the plan's alarm if a task of
// the plan waits.
func (d *Dispatcher) Committed(b *store.Batch) {
	if v := &b.View; !v.NextDue.IsZero() {
		d.alarms.set(b.Plan, v.NextDue.Sub(v.Now))
	}
}

// capacityPlan returns what workers need to know about p, or nil if this process does not have the
// executor type of p.
func (d *Dispatcher) capacityPlan(p plan.Plan) *capacity.Plan {
	x, known := d.opts.Executors[p.ExecutorType]
	if !known {
		return nil
	}
	return &capacity.Plan{
		ID: p.ID, ExecutorType: p.ExecutorType, Executor: x,
		Parameters: p.Parameters, Annotations: p.Annotations, StartToken: p.StartToken, Created: p.TaskCount - p.Added, Strategy: p.Strategy,
	}
}

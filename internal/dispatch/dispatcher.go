package dispatch

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/internal/reconcile"
	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/internal/worker"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// duePage is the maximum number of due plans that one call of the store returns. A poll ends after
// about maxPolled plans, so that plans that were enqueued get their turn.
const (
	duePage   = 100
	maxPolled = 1000
)

// Options are what a [Dispatcher] needs. All are required.
type Options struct {
	Client     *storeclient.Client
	Reconciler *reconcile.Reconciler
	Queue      *capacity.Queue
	Keeper     *lease.Keeper
	Registry   *lease.Registry
	Pool       *worker.Pool
	Locks      *tenantlock.Manager
	Quotas     *quota.Manager
	// Due is raised when a plan may have become due, and wakes the dispatcher.
	Due signal.Flag
	// Executors are the executors that this process has, by type.
	Executors executor.Registry
	// PollInterval is how often the dispatcher polls for due plans without a hint, with jitter.
	PollInterval time.Duration
}

// Dispatcher makes the reconciler handle due plans, and claims tasks of plans that are ready.
type Dispatcher struct {
	opts   Options
	passes passes
	alarms *alarms
	// types are the executor types that this process has.
	types []string
	// searches are of the plans that wait for their tenants.
	searches searches
}

// New returns a dispatcher.
func New(o Options) *Dispatcher {
	d := &Dispatcher{
		opts: o, alarms: newAlarms(o.Queue.Enqueue), types: slices.Sorted(maps.Keys(o.Executors)),
		searches: searches{byPlan: make(map[plan.ID]*search)},
	}
	d.passes = passes{reconcile: d.reconcile, putOff: d.putOff, underWay: make(map[plan.ID]*pass)}
	return d
}

// Run dispatches until ctx ends, and returns when all passes have ended. The workers go on.
func (d *Dispatcher) Run(ctx context.Context) {
	pending := signal.NewFlag()
	var claims sync.WaitGroup
	claims.Go(func() { d.claims(ctx, pending) })
	defer claims.Wait()
	defer d.passes.wait()
	defer d.alarms.stop()
	poll := time.NewTimer(0)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
			d.pollDue(ctx)
			poll.Reset(wait.Jitter(d.opts.PollInterval))
		case <-d.opts.Due:
			d.pollDue(ctx)
		case <-pending:
		}
		for _, id := range d.opts.Queue.Pending() {
			d.passes.begin(ctx, store.DuePlan{ID: id})
		}
	}
}

// claims claims tasks with free capacity whenever the queue changes, until ctx ends. At each change
// it raises pending.
func (d *Dispatcher) claims(ctx context.Context, pending signal.Flag) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.opts.Queue.Changed():
			pending.Raise()
			d.fill(ctx)
		}
	}
}

// pollDue reconciles the plans that are due here, each once. It waits only for a moment for a slow
// pass.
func (d *Dispatcher) pollDue(ctx context.Context) {
	seen := make(map[plan.ID]struct{})
	for ctx.Err() == nil && len(seen) < maxPolled {
		due, err := d.opts.Client.Store.Due(ctx, d.types, duePage)
		d.opts.Client.Fault("due", err)
		var begun []<-chan struct{}
		for _, p := range due {
			if _, again := seen[p.ID]; !again {
				seen[p.ID] = struct{}{}
				begun = append(begun, d.passes.begin(ctx, p))
			}
		}
		for _, settled := range begun {
			<-settled
		}
		if len(due) < duePage || len(begun) == 0 {
			return
		}
	}
}

// reconcile reconciles a plan, records whether it has tasks to claim, and reschedules it. A plan
// that is still due moves to the back of the agenda, so plans that this process cannot advance do
// not starve the others.
func (d *Dispatcher) reconcile(ctx context.Context, due store.DuePlan) {
	if due.Creating {
		d.opts.Reconciler.Remove(ctx, due.ID)
		return
	}
	r := d.opts.Reconciler.Reconcile(ctx, due.ID, due.Stamp)
	if r.Removed {
		d.opts.Queue.Remove(due.ID)
	}
	if r.Removed || r.Settled && r.Plan.Over() {
		d.searches.forget(due.ID)
	}
	if in, waits := r.Plan.WakeIn(); r.Settled && waits && (in > 0 || !r.Claimable) {
		d.alarms.set(due.ID, in)
	}
	if r.Settled {
		if p := d.capacityPlan(r.Plan); p != nil {
			d.opts.Queue.SetReady(p, r.Claimable)
			d.opts.Queue.Changed().Raise()
		}
	}
	d.reschedule(ctx, due, r.Next)
}

// putOff reschedules a due plan to the next poll.
func (d *Dispatcher) putOff(ctx context.Context, due store.DuePlan) {
	d.reschedule(ctx, due, store.Next{After: d.opts.PollInterval})
}

// reschedule changes when a plan is due. A plan without a stamp is not due, so it is not
// rescheduled.
func (d *Dispatcher) reschedule(ctx context.Context, due store.DuePlan, next store.Next) {
	if due.Stamp != 0 {
		d.opts.Client.Fault("reschedule", d.opts.Client.Store.Reschedule(ctx, due.ID, due.Stamp, next))
	}
}

package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// untilNextCommand is the Next.After of a plan that is not due before the next command.
const untilNextCommand = -1

// maxRestInFlight is the maximum time until a plan with tasks in flight is reconciled again. The
// process that holds the tasks may have a far shorter lease than this process.
const maxRestInFlight = 7500 * time.Millisecond

// maxRestWaiting is the maximum time until a plan that only waits, for instance for the end of a
// bake or for a window, is reconciled again. The store's clock may be set forward meanwhile, or the
// host may sleep; both bring the end of the wait nearer than the timers of this process know.
const maxRestWaiting = time.Minute

// maxRestLeft is about how long a plan is left to the processes that have its executor, if this one
// has not and no worker holds a task. Nothing is owed before one of these processes has claimed
// tasks, and that process says then that the plan is due sooner. Should it die before it has, or
// not reach the agenda, and be the only one, the plan is reconciled after this time.
const maxRestLeft = 10 * time.Minute

// maxSteps bounds the steps of one call of Reconcile, so that other plans get their turn.
const maxSteps = 10

// finishGrace is how long a step may go on after its context has ended, to learn the outcome of a
// call under way.
const finishGrace = time.Second

// Options are what a [Reconciler] needs. All are required.
type Options struct {
	Client  *storeclient.Client
	Locks   *tenantlock.Manager
	Cleaner *tenantlock.Cleaner
	// Keeper and Registry distinguish the tasks of this process from those of others.
	Keeper   *lease.Keeper
	Registry *lease.Registry
	// Due is raised when a plan has to be reconciled again without a wait.
	Due signal.Flag

	// FinishStart finishes a start that shows no sign of life, of a plan that skips tenants.
	FinishStart func(ctx context.Context, p plan.Plan) error

	LeaseTTL     time.Duration
	PollInterval time.Duration
	// Retention is how long a plan is kept after it is over. If it is not positive, plans are kept
	// for ever.
	Retention time.Duration
	// Knows reports whether this process has an executor.
	Knows func(executorType string) bool
	// MaxLosses is how often a task may lose its worker before it fails.
	MaxLosses int
	// WorkerLost is called for each task that was taken from a lost worker.
	WorkerLost func(id task.ID, incarnation string)
	// PlanRemoved is called for each plan whose removal this process has begun because it was kept
	// long enough.
	PlanRemoved func(p plan.Plan)
}

// Reconciler carries out what plans owe. It is immutable and safe for concurrent use.
type Reconciler struct{ opts Options }

// New returns a reconciler.
func New(o Options) *Reconciler { return &Reconciler{opts: o} }

// Result is the result of reconciling a plan.
type Result struct {
	// Plan is the plan as it was read last, if Settled.
	Plan plan.Plan
	// Settled reports that the plan owes nothing now that this process can carry out. Claimable
	// then reports whether it has tasks to claim.
	Settled, Claimable bool
	// Removed reports that the plan does not exist.
	Removed bool
	// Next says when the plan is to be reconciled again.
	Next store.Next
}

// Reconcile carries out what a plan owes: its own transitions and its removal, the next parts of
// commands on many tasks, the stops of tasks that no worker holds, and the recovery of tasks from
// lost workers. stamp is the stamp of the plan on the agenda, or 0 if it is reconciled without
// being due. Faults of the store are reported, and the plan is due again after the PollInterval.
// Any process may reconcile a plan at any time; the process that loses a race sees what the winner
// did.
func (r *Reconciler) Reconcile(ctx context.Context, id plan.ID, stamp uint64) Result {
	var so turn
	for so.steps = range maxSteps {
		p, err := r.opts.Client.Store.Plan(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return Result{Removed: true, Next: store.Next{After: untilNextCommand}}
		case err != nil:
			r.opts.Client.Fault("plan", err)
			return Result{Next: store.Next{After: r.opts.PollInterval}}
		}
		graceful, done := wait.WithGrace(ctx, finishGrace)
		changed, err := r.step(graceful, p, so)
		done()
		if errors.Is(err, store.ErrConflict) {
			so.conflicts++
			continue // read the plan again
		}
		if changed && err == nil {
			continue
		}
		if err != nil {
			r.opts.Client.Fault("reconcile", err)
			return Result{Next: store.Next{After: r.opts.PollInterval}}
		}
		result := Result{Plan: p, Settled: true, Claimable: p.Claimable(), Next: store.Next{After: r.nextCheck(p, stamp)}}
		if result.Claimable {
			result.Next.Executor = p.ExecutorType
		}
		return result
	}
	return Result{}
}

// turn is how far a call of Reconcile has come.
type turn struct{ steps, conflicts int }

// nextCheck returns how long any process may wait before it reconciles a plan again that owes
// nothing now. While tasks are in flight, some process has to check whether their workers are
// alive. For a plan without a stamp the result is not used: its place on the agenda does not
// change.
func (r *Reconciler) nextCheck(p plan.Plan, stamp uint64) time.Duration {
	switch {
	case stamp == 0:
		return 0
	case p.AtRest() && !r.opts.Cleaner.Clean(p, stamp):
		return r.restInFlight() // to see whether the locks are released, here or by another process
	case p.AtRest() && tenantlock.EverLocked(p) && p.Idle < tenantlock.Lateness:
		return tenantlock.Lateness - p.Idle // then it is cleaned once more
	case p.Over() && r.opts.Retention > 0:
		return max(r.keepFor()-p.Idle, time.Millisecond)
	case p.AtRest():
		return untilNextCommand
	case len(p.Sweeps) > 0:
		return r.opts.PollInterval // a sweep waits for the start of another plan
	case p.Starting != nil:
		return max(p.StartLeft(), 0) + time.Millisecond // when the start may be given up
	}
	in, wakes := p.WakeIn()
	if p.Adding != nil && (!wakes || p.Adding.Left(p.Idle) < in) {
		in, wakes = max(0, p.Adding.Left(p.Idle)), true // when the addition may be given up
	}
	if in == 0 && p.Claimable() {
		in = maxRestWaiting // what is due already is to be claimed
	}
	if wakes {
		return min(in+time.Millisecond, r.rest(p, true))
	}
	return r.rest(p, false)
}

// rest returns how long a plan that is not at rest may rest. wakes reports that it waits for a
// time, which comes earlier.
func (r *Reconciler) rest(p plan.Plan, wakes bool) time.Duration {
	left := p.Claimable() && !r.opts.Knows(p.ExecutorType)
	switch {
	case p.Counters.Held > 0, p.Claimable() && !left: // a worker may be lost, if it is one that claims next
		return r.restInFlight()
	case wakes:
		return maxRestWaiting
	case left:
		return wait.Jitter(maxRestLeft)
	}
	return r.restInFlight()
}

// restInFlight returns how long to wait before a plan is reconciled again while tasks of it are in
// flight or its locks are being released.
func (r *Reconciler) restInFlight() time.Duration { return min(r.opts.LeaseTTL/4, maxRestInFlight) }

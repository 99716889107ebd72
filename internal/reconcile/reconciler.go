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

// untilNextCommand lets a plan rest until somebody gives a command.
const untilNextCommand = -1

// maxRestInFlight bounds how long a plan rests that has tasks in flight. Whoever holds them may
// have a lease far shorter than this process's own.
const maxRestInFlight = 7500 * time.Millisecond

// maxSteps bounds how long the plan is worked on before others get their turn.
const maxSteps = 10

// finishGrace is how much longer than its context a step may take to see the outcome of what it
// began.
const finishGrace = time.Second

// Options are what a [Reconciler] needs. All are required.
type Options struct {
	Client  *storeclient.Client
	Locks   *tenantlock.Manager
	Cleaner *tenantlock.Cleaner
	// Keeper and Registry tell the tasks of this process from those of others.
	Keeper   *lease.Keeper
	Registry *lease.Registry
	// Due is raised when a plan is due again at once.
	Due signal.Flag

	LeaseTTL     time.Duration
	PollInterval time.Duration
	// Retention is how long a plan is kept after it is over; for ever if it is not positive.
	Retention time.Duration
	// MaxLosses is how often a task may lose its worker before it fails.
	MaxLosses int
	// WorkerLost is called for each task that was taken from a lost worker.
	WorkerLost func(id task.ID, incarnation string)
}

// Reconciler carries out what plans owe. It is immutable and safe for concurrent use.
type Reconciler struct{ opts Options }

// New returns a reconciler.
func New(o Options) *Reconciler { return &Reconciler{opts: o} }

// Result is what came of reconciling a plan.
type Result struct {
	// Plan is the plan if it is Settled.
	Plan plan.Plan
	// Settled says that the plan owes nothing for now that can be carried out here. Claimable then
	// says whether it has tasks to claim.
	Settled, Claimable bool
	// Removed says that there is no such plan.
	Removed bool
	// Next is after which time the plan has to be looked at again, 0 for at once and negative for
	// not before the next command.
	Next time.Duration
}

// Reconcile carries out what a plan owes: its own transitions, commands on many tasks, stops of
// tasks that nobody runs, tasks of workers that are lost. stamp is the plan's on the agenda, 0 if
// it is looked at beside the agenda. Faults of the store are reported, and the plan is to be looked
// at again after the PollInterval. Any process may reconcile a plan at any time; the loser of a
// race sees what the winner did.
func (r *Reconciler) Reconcile(ctx context.Context, id plan.ID, stamp uint64) Result {
	for range maxSteps {
		p, err := r.opts.Client.Store.Plan(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return Result{Removed: true, Next: untilNextCommand}
		case err != nil:
			r.opts.Client.Fault("plan", err)
			return Result{Next: r.opts.PollInterval}
		}
		graceful, done := wait.WithGrace(ctx, finishGrace)
		changed, err := r.step(graceful, p)
		done()
		if errors.Is(err, store.ErrConflict) || changed && err == nil {
			continue // look again
		}
		if err != nil {
			r.opts.Client.Fault("reconcile", err)
			return Result{Next: r.opts.PollInterval}
		}
		return Result{Plan: p, Settled: true, Claimable: p.Claimable(), Next: r.nextCheck(p, stamp)}
	}
	return Result{}
}

// nextCheck returns how long a plan may rest that owes nothing now. While tasks are in flight
// somebody has to look whether their workers are alive. A plan that is looked at beside the agenda,
// without a stamp, stays there as it is.
func (r *Reconciler) nextCheck(p plan.Plan, stamp uint64) time.Duration {
	switch {
	case stamp == 0:
		return 0
	case p.AtRest() && !r.opts.Cleaner.Clean(p, stamp):
		return r.restInFlight() // to see that it is done, whoever does it
	case p.AtRest() && tenantlock.EverLocked(p) && p.Idle < tenantlock.Lateness:
		return tenantlock.Lateness - p.Idle // then once more
	case p.Over() && r.opts.Retention > 0:
		return max(r.keepFor()-p.Idle, time.Millisecond)
	case p.AtRest():
		return untilNextCommand
	case len(p.Sweeps) > 0:
		return r.opts.PollInterval // it waits for a start
	case p.Starting != nil:
		return max(p.StartLeft(), 0) + time.Millisecond // then it may have been given up
	case p.Claimable():
		return 0
	}
	return r.restInFlight()
}

// restInFlight is how long a plan may rest while something of it is under way.
func (r *Reconciler) restInFlight() time.Duration { return min(r.opts.LeaseTTL/4, maxRestInFlight) }

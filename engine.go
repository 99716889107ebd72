package cutover

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/dispatch"
	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/internal/reconcile"
	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/worker"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Engine creates plans, runs them, and takes commands on them. A host makes one per process. Its
// commands and queries are safe for concurrent use, whether or not Run is under way: a process that
// only gives commands needs no Run.
type Engine struct {
	// Immutable after construction.
	cfg    Config
	client *storeclient.Client

	// What Run runs; the documentation of each package says what it does.
	dispatcher *dispatch.Dispatcher
	reconciler *reconcile.Reconciler
	pool       *worker.Pool
	keeper     *lease.Keeper
	releaser   *tenantlock.Releaser
	cleaner    *tenantlock.Cleaner
	// Shared by the above.
	locks    *tenantlock.Manager
	quotas   *quota.Manager
	registry *lease.Registry

	// Signals that wake goroutines of this process.
	events *signal.Broadcaster // something may have been written to a plan's log
	rests  *signal.Broadcaster // a plan may have come to rest
	due    signal.Flag         // a plan may have become due: wakes the dispatcher

	listener *listener // passes the store's hints on, to the signals
	started  atomic.Bool
}

// ErrRunning is the error of a second call of [Engine.Run].
var ErrRunning = errors.New("cutover: the engine was started before")

// New returns an engine over s. It starts nothing: call [Engine.Run]. If the configuration is
// invalid, the error is an *[InvalidError].
func New(s store.Store, c Config) (*Engine, error) {
	c = c.withDefaults()
	if err := c.validate(s); err != nil {
		return nil, err
	}
	e := &Engine{
		cfg:      c,
		registry: lease.NewRegistry(),
		events:   signal.NewBroadcaster(),
		rests:    signal.NewBroadcaster(),
		due:      signal.NewFlag(),
	}
	queue := capacity.NewQueue(c.Capacity)
	e.client = storeclient.New(s, storeclient.Options{
		Fault: c.Hooks.OnStoreFault, Applied: c.Hooks.OnPlanChange, Changed: e.changed,
	})
	e.listener = &listener{client: e.client, pause: c.PollInterval, hint: e.hinted}
	e.locks = tenantlock.NewManager(e.client, c.LeaseTTL)
	e.releaser = tenantlock.NewReleaser(e.client)
	e.quotas = quota.NewManager(e.client)
	e.cleaner = tenantlock.NewCleaner(e.client, e.locks, e.quotas)
	e.keeper = lease.NewKeeper(lease.Options{
		Client: e.client, Registry: e.registry, Queue: queue, Name: c.Name, TTL: c.LeaseTTL, OnLost: c.Hooks.OnLeaseLost,
		Process: store.Process{Capacity: c.Capacity, Executors: slices.Sorted(maps.Keys(c.Executors))},
	})
	e.pool = worker.NewPool(worker.Options{
		Client: e.client, Registry: e.registry, Queue: queue, Locks: e.locks, Quotas: e.quotas, Releaser: e.releaser,
		Hooks: c.Hooks, Logger: c.Logger, Limits: c.Limits, CancelGrace: c.CancelGrace, Committed: e.committed,
	})
	e.reconciler = reconcile.New(reconcile.Options{
		Client: e.client, Locks: e.locks, Cleaner: e.cleaner, Keeper: e.keeper, Registry: e.registry, Due: e.due,
		LeaseTTL: c.LeaseTTL, PollInterval: c.PollInterval, Retention: c.Retention, MaxLosses: c.MaxLosses,
		FinishStart: func(ctx context.Context, p plan.Plan) error { return finishStart(ctx, e, p) },
		Knows:       func(executorType string) bool { _, known := c.Executors[executorType]; return known },
		WorkerLost:  c.Hooks.OnWorkerLost, PlanRemoved: func(p plan.Plan) { c.Hooks.OnPlanRemoved(p, hook.Removal{Retention: true}) },
	})
	e.dispatcher = dispatch.New(dispatch.Options{
		Client: e.client, Reconciler: e.reconciler, Queue: queue, Keeper: e.keeper, Registry: e.registry,
		Pool: e.pool, Locks: e.locks, Quotas: e.quotas, Due: e.due, Executors: c.Executors, PollInterval: c.PollInterval,
	})
	return e, nil
}

// ErrNoLease is the error of [Engine.Ready] while the process has no lease.
var ErrNoLease = errors.New("cutover: this process holds no lease, and claims no tasks")

// Ready returns nil if this process can do its work. Once [Engine.Run] was called that means that
// the process holds a lease, under which it claims tasks; otherwise the error is [ErrNoLease]. An
// engine that only gives commands is ready if the store answers. Ready is meant for the readiness
// probe of a host; it does not retry.
func (e *Engine) Ready(ctx context.Context) error {
	if !e.started.Load() {
		plans, err := e.client.Store.Plans(ctx, store.PlanQuery{Limit: 1})
		if len(plans) > 0 {
			return nil
		}
		return err
	}
	if l := e.keeper.Current(); l == nil || !l.Alive() {
		return ErrNoLease
	}
	return nil
}

// Run works on plans until ctx ends, and then shuts down: it claims nothing more, waits until the
// tasks in flight come to a boundary, releases them for other processes and returns nil. Executors
// that have not returned after the ShutdownGrace have their contexts canceled. If some do not
// return even then, the error names their tasks; other processes take these tasks over when this
// process's lease ends.
//
// An engine runs once; a second call returns [ErrRunning].
func (e *Engine) Run(ctx context.Context) error {
	if !e.started.CompareAndSwap(false, true) {
		return ErrRunning
	}
	// The background work outlives ctx: it serves the shutdown too.
	bg, stop := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { e.keeper.Run(bg) })
	background.Go(func() { e.releaser.Run(bg) })
	background.Go(func() { e.cleaner.Run(ctx) })
	background.Go(func() { e.reconciler.Retain(ctx) })

	release := e.listener.acquire()

	e.dispatcher.Run(ctx)
	stopWorkers(e.pool, e.cfg.ShutdownGrace)
	stop()
	if ended := release(); ended != nil {
		<-ended
	}
	background.Wait()
	return unreturned(e.pool)
}

const (
	// returnTimeout is how long Run waits for executors to return after it has canceled their
	// contexts at the end of the ShutdownGrace.
	returnTimeout = 5 * time.Second
	// lastReturnTimeout is how long Run waits once more after it has released the lease.
	lastReturnTimeout = time.Second
)

// stopWorkers waits for the workers to come to a boundary: they learn of the shutdown when they
// next save. After the grace period it cancels their contexts.
func stopWorkers(pool *worker.Pool, grace time.Duration) {
	pool.Stop()
	if !pool.Wait(grace) {
		pool.Interrupt()
		pool.Wait(returnTimeout)
	}
}

// unreturned waits for workers that were still calling the store when the lease was released. If
// some workers have not ended even then, their executors do not return, and the error names their
// tasks.
func unreturned(pool *worker.Pool) error {
	if pool.Wait(lastReturnTimeout) {
		return nil
	}
	var tasks []string
	for _, id := range pool.Running() {
		tasks = append(tasks, id.String())
	}
	return fmt.Errorf("cutover: shut down while the executors of tasks %s do not return: %w",
		strings.Join(tasks, ", "), context.DeadlineExceeded)
}

// changed wakes the goroutines of this process that wait for a plan, because the plan may have
// changed.
func (e *Engine) changed(id plan.ID) {
	e.events.Notify(id)
	e.rests.Notify(id)
	e.registry.Changed(id)
	e.due.Raise()
}

// committed is called after each commit of a worker that is not a save. It wakes the goroutines
// that wait for events of the plan. It wakes those that wait for the plan to come to rest only if
// the plan is breached or none of its tasks is in flight any more.
func (e *Engine) committed(b *store.Batch) {
	e.dispatcher.Committed(b)
	e.events.Notify(b.Plan)
	if b.View.Breached || b.View.Counters.InFlight() == 0 {
		e.rests.Notify(b.Plan)
	}
}

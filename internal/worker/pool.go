package worker

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Options are what a [Pool] needs. All are required.
type Options struct {
	Client   *storeclient.Client
	Registry *lease.Registry
	// Queue is where a worker that ends releases its capacity for one task.
	Queue    *capacity.Queue
	Locks    *tenantlock.Manager
	Quotas   *quota.Manager
	Releaser *tenantlock.Releaser
	// Hooks must be guarded, so that their panics reach no worker.
	Hooks  hook.Hooks
	Logger *zap.Logger
	Limits checkpoint.Limits
	// CancelGrace is how long a cancel waits for the executor before its context is canceled.
	CancelGrace time.Duration
	// Committed is called after each commit other than a save.
	Committed func(b *store.Batch)
}

// Pool runs tasks, each in the goroutine of a worker. It is safe for concurrent use.
type Pool struct {
	client      *storeclient.Client
	store       store.Store
	registry    *lease.Registry
	queue       *capacity.Queue
	locks       *tenantlock.Manager
	quotas      *quota.Manager
	releaser    *tenantlock.Releaser
	hooks       hook.Hooks
	log         *zap.Logger
	limits      checkpoint.Limits
	cancelGrace time.Duration
	committed   func(b *store.Batch)

	stopping   atomic.Bool
	stoppedAt  time.Time // set before stopping is
	goroutines sync.WaitGroup
	idle       chan struct{} // closed when all goroutines have ended after Stop
}

// NewPool returns a pool without workers.
func NewPool(o Options) *Pool {
	return &Pool{
		client: o.Client, store: o.Client.Store, registry: o.Registry, queue: o.Queue, locks: o.Locks, quotas: o.Quotas,
		releaser: o.Releaser, hooks: o.Hooks, log: o.Logger, limits: o.Limits, cancelGrace: o.CancelGrace,
		committed: o.Committed, idle: make(chan struct{}),
	}
}

// Start gives a claimed task to a new worker, which then runs further tasks of the plan. The caller
// has taken the capacity for one task. claim is the phase of the lock under which the task was
// claimed, 0 if there is none.
func (p *Pool) Start(l *lease.Lease, of *capacity.Plan, t task.Task, claim uint32) {
	w := &worker{pool: p, lease: l, plan: of, next: t, more: true, claim: claim}
	p.Go(w.work)
}

// Go runs f in a goroutine that Wait waits for. After Stop only goroutines of the pool may call Go.
func (p *Pool) Go(f func()) { p.goroutines.Go(f) }

// Stop asks all executors to stop at their next boundary: their next save returns that the process
// shuts down. No worker claims a further task. Stop must be called only once.
func (p *Pool) Stop() {
	p.stoppedAt = time.Now()
	p.stopping.Store(true)
	go func() {
		p.goroutines.Wait()
		close(p.idle)
	}()
}

// Wait waits, after Stop, until all workers have ended, for d at most, and reports whether they
// have.
func (p *Pool) Wait(d time.Duration) bool { return wait.Until(p.idle, d) }

// Interrupt cancels the contexts of all executors.
func (p *Pool) Interrupt() {
	for _, r := range p.registry.Runs() {
		if r, own := r.(*run); own {
			r.interrupt(executor.ErrShutdown)
		}
	}
}

// Running returns the tasks whose runs have not ended, in ascending order: their executors have not
// returned, or their outcomes are not committed.
func (p *Pool) Running() []task.ID {
	var ids []task.ID
	for _, r := range p.registry.Runs() {
		ids = append(ids, r.ID())
	}
	slices.Sort(ids)
	return ids
}

// ended releases the capacity of a worker that has ended.
func (p *Pool) ended(w *worker) {
	p.queue.Release(1)
	p.queue.Enqueue(w.plan.ID)
}

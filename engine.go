package cutover

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Engine is the one thing that a host starts, once per process. Its commands and
// queries may be used from any goroutine, whether or not Run is under way: a
// process that only takes commands needs no Run.
type Engine struct {
	store  store.Store
	client *storeclient.Client
	cfg    Config
	log    *zap.Logger

	started  atomic.Bool
	draining atomic.Bool

	events   *signal.Broadcaster // something may have been written to a plan's log
	rests    *signal.Broadcaster // a plan may have come to rest
	jobs     *jobs
	capacity *capacity.Queue
	workers  sync.WaitGroup
	// due wakes the dispatcher: a plan may have become due.
	due      signal.Flag
	locks    *tenantlock.Manager
	releaser *tenantlock.Releaser
	cleaner  *tenantlock.Cleaner
	looks    *looks
	lease    atomic.Pointer[lease] // nil while there is none: nothing is claimed
}

// ErrRunning says that Run was called a second time.
var ErrRunning = errors.New("cutover: the engine was started before")

// New returns an engine over s. Nothing runs before [Engine.Run]. The error
// is an *[InvalidError].
func New(s store.Store, c Config) (*Engine, error) {
	c = c.withDefaults()
	if err := c.validate(s); err != nil {
		return nil, err
	}
	e := &Engine{
		store:    s,
		cfg:      c,
		log:      c.Logger,
		events:   signal.NewBroadcaster(),
		rests:    signal.NewBroadcaster(),
		jobs:     newJobs(),
		capacity: capacity.NewQueue(c.Capacity), due: signal.NewFlag(),
	}
	e.client = storeclient.New(s, storeclient.Options{
		Fault: c.Hooks.OnStoreFault, Applied: c.Hooks.OnPlanChange, Changed: e.changed,
	})
	e.locks = tenantlock.NewManager(e.client, c.LeaseTTL)
	e.releaser = tenantlock.NewReleaser(e.client)
	e.cleaner = tenantlock.NewCleaner(e.client, e.locks)
	e.looks = newLooks(e)
	return e, nil
}

// Run works until ctx ends, then shuts down: it claims nothing more, lets the
// tasks in flight come to a boundary, hands them back and returns nil. Executors
// that are still busy after the ShutdownGrace have their contexts cancelled; if
// some do not return even then, the error says how many. Their tasks are taken
// over by other processes when this one's lease ends.
//
// An engine runs once; a second call returns [ErrRunning].
func (e *Engine) Run(ctx context.Context) error {
	if !e.started.CompareAndSwap(false, true) {
		return ErrRunning
	}
	// The background work outlives ctx: it serves the shutdown too.
	bg, stop := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { e.keepLease(bg) })
	background.Go(func() { e.releaser.Run(bg) })
	background.Go(func() { e.cleaner.Run(ctx) })
	background.Go(func() { e.listen(bg) })
	background.Go(func() { e.retain(ctx) })

	e.dispatch(ctx)
	idle := e.drain()
	stop()
	background.Wait()
	return e.stuck(idle)
}

// listen passes the store's hints on until ctx ends.
func (e *Engine) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := e.store.Listen(ctx, e.changed)
		if ctx.Err() == nil {
			e.client.Fault("listen", err)
			wait.For(ctx, e.cfg.PollInterval)
		}
	}
}

// changed wakes whoever in this process waits for a plan that may have changed.
func (e *Engine) changed(id plan.ID) {
	e.events.Notify(id)
	e.rests.Notify(id)
	e.jobs.changed(id)
	e.due.Raise()
}

// committed wakes them for a commit that ended a task. Whoever waits for a plan to
// rest is left alone while others of its tasks are in flight.
func (e *Engine) committed(b *store.Batch) {
	e.events.Notify(b.Plan)
	if b.View.Breached || b.View.Counters.InFlight() == 0 {
		e.rests.Notify(b.Plan)
	}
}

package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/store"
)

// leaveTimeout bounds the call that releases a lease.
const leaveTimeout = 5 * time.Second

// Options are what a [Keeper] needs. All are required except Name.
type Options struct {
	Client   *storeclient.Client
	Registry *Registry
	// Queue is notified when there is a lease to claim under, and receives the plans whose tasks
	// were yielded.
	Queue *capacity.Queue
	// Name is the first part of the names of all leases.
	Name string
	// TTL is how long a lease lasts without a renewal.
	TTL time.Duration
	// Process is what this process tells of itself.
	Process store.Process
	// OnLost is called when a lease ends that this process did not release, with the number of runs
	// that were lost with the lease.
	OnLost func(incarnation string, runs int)
}

// Keeper acquires, renews and releases the leases of this process, one at a time.
type Keeper struct {
	client   *storeclient.Client
	registry *Registry
	queue    *capacity.Queue
	name     string
	ttl      time.Duration
	process  store.Process
	onLost   func(incarnation string, runs int)

	current atomic.Pointer[Lease]
}

// NewKeeper returns a keeper. There is no lease before [Keeper.Run].
func NewKeeper(o Options) *Keeper {
	return &Keeper{
		client: o.Client, registry: o.Registry, queue: o.Queue, name: o.Name, ttl: o.TTL, process: o.Process, onLost: o.OnLost,
	}
}

// Current returns the lease, or nil while there is none; without a lease nothing is claimed.
func (k *Keeper) Current() *Lease { return k.current.Load() }

// Run holds a lease until ctx ends, and then releases it. If a lease ends before ctx does, Run
// acquires a new lease.
func (k *Keeper) Run(ctx context.Context) {
	for ctx.Err() == nil {
		l := newLease(context.WithoutCancel(ctx), k.incarnation())
		if k.join(ctx, l) != nil {
			l.end(context.Canceled)
			wait.For(ctx, wait.Jitter(k.ttl/10))
			continue
		}
		k.registry.begin(l)
		k.current.Store(l)
		k.queue.Changed().Raise()
		over := k.renew(ctx, l)
		k.current.Store(nil)
		if over {
			k.onLost(l.name, k.registry.lostWith(l))
			l.end(executor.ErrLeaseLost)
			continue
		}
		k.leave(l)
	}
}

// incarnation returns a name that no lease has had.
func (k *Keeper) incarnation() string { return k.name + "-" + strings.ToLower(rand.Text()[:12]) }

func (k *Keeper) join(ctx context.Context, l *Lease) error {
	sent := time.Now()
	err := k.client.Store.Join(ctx, l.name, k.ttl, k.process)
	k.client.Fault("join", err)
	if err == nil {
		l.renewed(sent, k.ttl)
	}
	return err
}

// leave releases the lease, unless some of its runs have not ended: those runs keep their tasks
// until the lease expires.
func (k *Keeper) leave(l *Lease) {
	defer l.end(executor.ErrShutdown)
	if len(k.registry.under(l)) > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	k.client.Fault("leave", k.client.Store.Leave(ctx, l.name))
}

// renew renews the lease every third of its TTL. It returns when ctx ends, or when the lease is
// over: then over is true.
func (k *Keeper) renew(ctx context.Context, l *Lease) (over bool) {
	seen := make(untracked)
	pause := k.untilRenewal(l)
	for {
		if k.pause(ctx, l, pause); ctx.Err() != nil {
			return false
		}
		err := k.heartbeat(ctx, l, seen)
		switch {
		case err == nil:
			k.report(ctx, l)
			pause = k.untilRenewal(l)
			continue
		case errors.Is(err, store.ErrLeaseExpired):
			return true
		}
		k.client.Fault("heartbeat", err)
		if l.Left() <= 0 {
			return true
		}
		pause = min(k.ttl/10, max(l.Left(), 0))
	}
}

// untilRenewal returns how long to wait before the next renewal, which is due a third of the TTL
// after the last one was sent: a slow answer shortens the wait.
func (k *Keeper) untilRenewal(l *Lease) time.Duration {
	return max(l.Left()-k.ttl*2/3, k.ttl/100)
}

// pause waits until the next heartbeat is due, after d. If a plan that has a run here changes, the
// heartbeat is sent sooner, so that executors learn of a cancel soon; several changes in quick
// succession share one heartbeat. Meanwhile pause reports changes of the load.
func (k *Keeper) pause(ctx context.Context, l *Lease, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	changed := k.registry.changed
	var report <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			return
		case <-k.registry.soon:
			wait.For(ctx, min(d, k.ttl/100))
			return
		case <-changed:
			report = time.After(k.ttl / reportShare)
			changed = nil // it stays raised until then: to wake up for every run would take time from busy workers
		case <-report:
			report, changed = nil, k.registry.changed
			k.report(ctx, l)
		}
	}
}

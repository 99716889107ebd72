package tenantlock

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/store"
)

// Releaser releases tenants in the background, many at a time: a worker does not wait for it. What
// it fails to release is stale, and whoever wants the tenant takes it over. It is safe for
// concurrent use.
type Releaser struct {
	client *storeclient.Client
	more   signal.Flag

	mu      sync.Mutex
	waiting []store.TenantLock
}

const (
	// maxWaiting bounds what a releaser keeps while the store is away. What is above is released by
	// the cleaner when the plan comes to rest.
	maxWaiting = 100_000
	// gatherFor is how long a lock waits for others to be released with it: a round trip for each
	// would slow down the commits.
	gatherFor = 5 * time.Millisecond
	// lastFlushTimeout bounds the last release of a process.
	lastFlushTimeout = 5 * time.Second
)

// NewReleaser returns a releaser. Nothing is released before [Releaser.Run].
func NewReleaser(c *storeclient.Client) *Releaser {
	return &Releaser{client: c, more: signal.NewFlag()}
}

// Add releases locks soon: those of them that have exactly these values then.
func (r *Releaser) Add(locks ...store.TenantLock) {
	if len(locks) == 0 {
		return
	}
	r.mu.Lock()
	if len(r.waiting)+len(locks) <= maxWaiting {
		r.waiting = append(r.waiting, locks...)
	}
	r.mu.Unlock()
	r.more.Raise()
}

// Run releases what was added until ctx ends, and then what is left, once.
func (r *Releaser) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-r.more:
			if wait.For(ctx, gatherFor); ctx.Err() == nil {
				r.flush(ctx)
			}
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlushTimeout)
	defer cancel()
	r.flush(last)
}

func (r *Releaser) flush(ctx context.Context) {
	r.mu.Lock()
	locks := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	for batch := range slices.Chunk(locks, store.MaxBatch) {
		if err := r.client.Do(ctx, "release", func() error { return r.client.Store.Release(ctx, batch) }); err != nil {
			return
		}
	}
}

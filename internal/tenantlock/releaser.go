package tenantlock

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/cutover-go/cutover/internal/brief"
	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/store"
)

// Releaser releases tenants in the background, many at a time, so that no worker waits for it. A
// lock that it fails to release is stale: the next plan that needs the tenant takes it over, or the
// cleaner releases it. A Releaser is safe for concurrent use.
type Releaser struct {
	client *storeclient.Client
	more   signal.Flag

	mu      brief.Mutex
	waiting [][]store.TenantLock // in batches, of which all but the last are full
	n       int                  // how many locks these are
	places  []store.Place        // in quotas, to be freed
	last    int                  // how many locks were released together the last time
}

const (
	// maxWaiting bounds the locks that a releaser keeps while the store is unreachable. Further
	// locks are dropped; the cleaner releases them when the plan comes to rest.
	maxWaiting = 100_000
	// lateAt is the number of waiting locks from which on those who add one let other goroutines
	// run, of which one is the releaser: workers whose tasks do nothing rarely leave the
	// processors, and what waits takes memory.
	lateAt = 2000
	// gatherFor is how long a lock waits for others to be released in the same call: a round trip
	// for each lock would slow down the commits.
	gatherFor = 5 * time.Millisecond
	// lastFlushTimeout bounds the last release of a process.
	lastFlushTimeout = 5 * time.Second
)

// NewReleaser returns a releaser. Nothing is released before [Releaser.Run].
func NewReleaser(c *storeclient.Client) *Releaser {
	return &Releaser{client: c, more: signal.NewFlag()}
}

// Add makes Run release the locks soon. A lock that has another value by then is not released.
func (r *Releaser) Add(locks ...store.TenantLock) {
	if len(locks) == 0 {
		return
	}
	r.mu.Lock()
	if r.n+len(locks) <= maxWaiting {
		for _, l := range locks {
			r.addLocked(l)
		}
	}
	late := r.n >= lateAt
	r.mu.Unlock()
	r.more.Raise()
	if late {
		runtime.Gosched()
	}
}

// addLocked adds a lock to the last batch. All memory is new, because the store may still use that
// of earlier ones, and full batches do not move: workers whose tasks do nothing add thousands
// before Run has its turn.
func (r *Releaser) addLocked(l store.TenantLock) {
	end := len(r.waiting) - 1
	if end < 0 || len(r.waiting[end]) == store.MaxBatch {
		r.waiting = append(r.waiting, make([]store.TenantLock, 0, min(max(r.last-r.n, 1), store.MaxBatch)))
		end++
	}
	r.waiting[end] = append(r.waiting[end], l)
	r.n++
}

// AddPlaces is Add for places in quotas.
func (r *Releaser) AddPlaces(places ...store.Place) {
	if len(places) == 0 {
		return
	}
	r.mu.Lock()
	if len(r.places)+len(places) <= maxWaiting {
		r.places = append(r.places, places...)
	}
	r.mu.Unlock()
	r.more.Raise()
}

// Run releases the added locks until ctx ends, and then releases those that are still waiting.
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
	locks, places := r.waiting, r.places
	r.waiting, r.places, r.last, r.n = nil, nil, r.n, 0
	r.mu.Unlock()
	for batch := range slices.Chunk(places, store.MaxBatch) {
		if err := r.client.Do(ctx, "vacate", func() error { return r.client.Store.Vacate(ctx, batch) }); err != nil {
			r.client.Fault("vacate", err)
			break
		}
	}
	for _, batch := range locks {
		if err := r.client.Do(ctx, "release", func() error { return r.client.Store.Release(ctx, batch) }); err != nil {
			r.client.Fault("release", err)
			return
		}
	}
}

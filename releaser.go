package cutover

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// releaser frees tenants behind the workers' backs, many at a time: a worker does
// not wait for it, and what it fails to free is stale and taken over by whoever
// wants it.
type releaser struct {
	e    *Engine
	more signal.Flag

	mu      sync.Mutex
	waiting []store.TenantLock
}

const (
	// maxWaiting bounds what a releaser keeps while the store is away. What is above is
	// freed by the cleaner when the plan comes to rest.
	maxWaiting = 100_000
	// gatherFor is how long a lock waits for others to be freed with it: a round trip
	// for each would slow down the commits.
	gatherFor = 5 * time.Millisecond
)

func newReleaser(e *Engine) *releaser {
	return &releaser{e: e, more: signal.NewFlag()}
}

// add frees locks soon.
func (r *releaser) add(locks ...store.TenantLock) {
	r.mu.Lock()
	if len(r.waiting)+len(locks) <= maxWaiting {
		r.waiting = append(r.waiting, locks...)
	}
	r.mu.Unlock()
	r.more.Raise()
}

// released frees the tenant of a task that is through with it.
func (r *releaser) released(p plan.Plan, t task.Task) {
	if !t.State.Releases() || t.Worker != "" || p.StartToken == 0 {
		return
	}
	r.add(locksOf(p, t)...)
}

// run frees what waits until ctx ends, and then what is left, once.
func (r *releaser) run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-r.more:
			if wait.For(ctx, gatherFor); ctx.Err() == nil {
				r.flush(ctx)
			}
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), handBackPatience)
	defer cancel()
	r.flush(last)
}

func (r *releaser) flush(ctx context.Context) {
	r.mu.Lock()
	locks := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	for batch := range slices.Chunk(locks, store.MaxBatch) {
		if err := r.e.client.Do(ctx, "release", func() error { return r.e.store.Release(ctx, batch) }); err != nil {
			return
		}
	}
}

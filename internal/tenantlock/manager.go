package tenantlock

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/store"
)

// Lateness is how long a request may be on its way: one that its sender gave up can still be
// carried out until then, and leave a lock behind.
const Lateness = time.Minute

// Manager takes tenants' locks, judges those of others, and releases what nobody needs. It is
// immutable and safe for concurrent use.
type Manager struct {
	client   *storeclient.Client
	startTTL time.Duration
}

// NewManager returns a manager. startTTL is how long a start of this process may rest between two
// signs of life before any engine may give it up. It is written into the start's mark: other
// processes may have other times.
func NewManager(c *storeclient.Client, startTTL time.Duration) *Manager {
	return &Manager{client: c, startTTL: startTTL}
}

// reserve takes the locks that are free and returns those that others have.
func (m *Manager) reserve(ctx context.Context, locks []store.TenantLock) (others []store.TenantLock, err error) {
	err = m.client.Do(ctx, "reserve", func() error {
		others, err = m.client.Store.Reserve(ctx, locks)
		return err
	})
	return others, err
}

// replace changes a lock from exactly old to next and reports whether it did.
func (m *Manager) replace(ctx context.Context, old, next store.TenantLock) (replaced bool, err error) {
	err = m.client.Do(ctx, "replace lock", func() error {
		replaced, err = m.client.Store.Replace(ctx, old, next)
		return err
	})
	return replaced, err
}

// release frees the locks, those that have changed since excepted.
func (m *Manager) release(ctx context.Context, locks []store.TenantLock) error {
	if len(locks) == 0 {
		return nil
	}
	return m.client.Do(ctx, "release", func() error { return m.client.Store.Release(ctx, locks) })
}

// locksOf returns the locks that tenants have.
func (m *Manager) locksOf(ctx context.Context, tenants []string) (locks []store.TenantLock, err error) {
	err = m.client.Do(ctx, "locks", func() error {
		locks, err = m.client.Store.Locks(ctx, tenants)
		return err
	})
	return locks, err
}

// eachBatch calls f for all of them, at most store.MaxBatch at a time and several batches at once.
// It returns the first error, which ends the context of the others.
func eachBatch[T any](ctx context.Context, all []T, f func(context.Context, []T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var batches sync.WaitGroup
	for batch := range slices.Chunk(all, store.MaxBatch) {
		batches.Go(func() {
			if err := f(ctx, batch); err != nil {
				cancel(err) // only the first counts
			}
		})
	}
	batches.Wait()
	return context.Cause(ctx)
}

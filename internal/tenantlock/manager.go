package tenantlock

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Lateness is how long a request may be under way: until then the store may carry out a request
// that its sender gave up, and so leave a lock behind.
const Lateness = plan.KeptAtLeast

// Manager locks tenants, judges the locks of other plans, and releases locks that no task needs. It
// is immutable and safe for concurrent use.
type Manager struct {
	client   *storeclient.Client
	startTTL time.Duration
}

// NewManager returns a manager. startTTL is how long a start of this process may go without a sign
// of life before any engine may give it up. It is written into the start's mark, because other
// processes may use other values.
func NewManager(c *storeclient.Client, startTTL time.Duration) *Manager {
	return &Manager{client: c, startTTL: startTTL}
}

// reserve acquires the locks whose tenants are free, and returns the existing locks of the other
// tenants.
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

// Release releases the tenant of a task if the task does not need it any more; otherwise it does
// nothing. If it fails, the lock is stale: it is taken over, or left to the cleaner.
func (m *Manager) Release(ctx context.Context, p plan.Plan, t task.Task) error {
	return m.release(ctx, Locks(p, t))
}

// release releases the locks, except those that have changed since they were read.
func (m *Manager) release(ctx context.Context, locks []store.TenantLock) error {
	if len(locks) == 0 {
		return nil
	}
	return m.client.Do(ctx, "release", func() error { return m.client.Store.Release(ctx, locks) })
}

// locksOf returns the locks of the tenants.
func (m *Manager) locksOf(ctx context.Context, tenants []string) (locks []store.TenantLock, err error) {
	err = m.client.Do(ctx, "locks", func() error {
		locks, err = m.client.Store.Locks(ctx, tenants)
		return err
	})
	return locks, err
}

// readable is locksOf for tenants of which some locks may be damaged: these are returned as locks
// of nobody, and problem is the error of the first of them.
func (m *Manager) readable(ctx context.Context, tenants []string) (locks, damaged []store.TenantLock, problem, err error) {
	locks, err = m.locksOf(ctx, tenants)
	if !errors.Is(err, store.ErrCorrupt) {
		return locks, nil, nil, err
	}
	locks = nil
	for _, tenant := range tenants {
		switch of, err := m.locksOf(ctx, []string{tenant}); {
		case errors.Is(err, store.ErrCorrupt):
			damaged, problem = append(damaged, store.TenantLock{Tenant: tenant}), cmp.Or(problem, err)
		case err != nil:
			return nil, nil, nil, err
		default:
			locks = append(locks, of...)
		}
	}
	return locks, damaged, problem, nil
}

// eachBatch calls f with all elements, in batches of at most store.MaxBatch, for all batches
// concurrently. It returns the first error, which ends the context of the other calls.
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

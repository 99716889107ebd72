package memstore

import (
	"context"
	"fmt"
	"sync"

	"github.com/cutover-go/cutover/store"
)

// locks holds the locks of tenants.
type locks struct {
	mu       sync.Mutex
	byTenant lockTable
}

// Reserve implements store.Locker.
func (s *Store) Reserve(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	if err := checkLocks(ctx, locks); err != nil {
		return nil, err
	}
	s.locks.mu.Lock()
	defer s.locks.mu.Unlock()
	for _, l := range locks {
		if had := s.locks.byTenant.add(l); had != nil && *had != l {
			held = append(held, *had)
		}
	}
	return held, nil
}

// Locks implements store.Locker.
func (s *Store) Locks(ctx context.Context, tenants []string) (found []store.TenantLock, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := store.CheckCount("tenants", len(tenants), store.MaxBatch); err != nil {
		return nil, err
	}
	s.locks.mu.Lock()
	defer s.locks.mu.Unlock()
	for _, tenant := range tenants {
		if l := s.locks.byTenant.get(tenant); l != nil {
			found = append(found, *l)
		}
	}
	return found, nil
}

// Replace implements store.Locker.
func (s *Store) Replace(ctx context.Context, old, next store.TenantLock) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if old.Tenant != next.Tenant {
		return false, fmt.Errorf("%w: the locks to replace are of different tenants", store.ErrInvalid)
	}
	s.locks.mu.Lock()
	defer s.locks.mu.Unlock()
	had := s.locks.byTenant.get(old.Tenant)
	if had == nil || *had != old {
		return false, nil
	}
	*had = next
	return true, nil
}

// Release implements store.Locker.
func (s *Store) Release(ctx context.Context, locks []store.TenantLock) error {
	if err := checkLocks(ctx, locks); err != nil {
		return err
	}
	s.locks.mu.Lock()
	defer s.locks.mu.Unlock()
	for _, l := range locks {
		s.locks.byTenant.remove(l)
	}
	return nil
}

func checkLocks(ctx context.Context, locks []store.TenantLock) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return store.CheckCount("locks", len(locks), store.MaxBatch)
}

// drop releases all tenants that a plan has locked.
func (l *locks) drop(p *rollout) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ordinal := 1; ordinal <= p.tasks.n; ordinal++ {
		if had := l.byTenant.get(p.tasks.at(uint32(ordinal)).Tenant); had != nil && had.Plan == p.plan.ID {
			l.byTenant.remove(*had)
		}
	}
}

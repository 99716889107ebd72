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
	byTenant map[string]store.TenantLock
}

// Reserve implements store.Locker.
func (s *Store) Reserve(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	if err := checkLocks(ctx, locks); err != nil {
		return nil, err
	}
	s.locks.mu.Lock()
	defer s.locks.mu.Unlock()
	for _, l := range locks {
		had, taken := s.locks.byTenant[l.Tenant]
		switch {
		case !taken:
			s.locks.byTenant[l.Tenant] = l
		case had != l:
			held = append(held, had)
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
		if l, taken := s.locks.byTenant[tenant]; taken {
			found = append(found, l)
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
	if had, taken := s.locks.byTenant[old.Tenant]; !taken || had != old {
		return false, nil
	}
	s.locks.byTenant[old.Tenant] = next
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
		if s.locks.byTenant[l.Tenant] == l {
			delete(s.locks.byTenant, l.Tenant)
		}
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
		if tenant := p.tasks.at(uint32(ordinal)).Tenant; l.byTenant[tenant].Plan == p.plan.ID {
			delete(l.byTenant, tenant)
		}
	}
}

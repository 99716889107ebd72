package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/store"
)

// Reserve implements store.Locker.
func (s *Store) Reserve(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	if err := store.CheckCount("locks", len(locks), store.MaxBatch); err != nil || len(locks) == 0 {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	had, err := s.locks.reserve(ctx, locks)
	if err != nil {
		return nil, err
	}
	for i, l := range locks {
		if had[i] == "" || had[i] == formatLock(l) {
			continue
		}
		other, err := s.locks.parse(l.Tenant, had[i])
		if err != nil {
			return nil, err
		}
		held = append(held, other)
	}
	return held, nil
}

// Locks implements store.Locker.
func (s *Store) Locks(ctx context.Context, tenants []string) (found []store.TenantLock, err error) {
	if err := store.CheckCount("tenants", len(tenants), store.MaxBatch); err != nil || len(tenants) == 0 {
		return nil, err
	}
	keys := make([]string, len(tenants))
	for i, tenant := range tenants {
		keys[i] = s.keys.tenant(tenant)
	}
	got := each(ctx, s.client, answerTimeout, keys, func(pipe redis.Pipeliner, i int) func() (string, error) {
		return pipe.Get(ctx, keys[i]).Result
	})
	for i, tenant := range tenants {
		text, err := got[i].value, got[i].err
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, s.client.fault(ctx, keys[i], err)
		}
		l, err := s.locks.parse(tenant, text)
		if err != nil {
			return nil, err
		}
		found = append(found, l)
	}
	return found, nil
}

// Replace implements store.Locker.
func (s *Store) Replace(ctx context.Context, old, next store.TenantLock) (bool, error) {
	if old.Tenant != next.Tenant {
		return false, fmt.Errorf("%w: the locks to replace are of different tenants", store.ErrInvalid)
	}
	return s.locks.swap(ctx, swap{s.keys.tenant(old.Tenant), formatLock(old), formatLock(next)})
}

// Release implements store.Locker.
func (s *Store) Release(ctx context.Context, locks []store.TenantLock) error {
	if err := store.CheckCount("locks", len(locks), store.MaxBatch); err != nil {
		return err
	}
	swaps := make([]swap, len(locks))
	for i, l := range locks {
		swaps[i] = swap{key: s.keys.tenant(l.Tenant), old: formatLock(l)}
	}
	return s.locks.swapAll(ctx, swaps)
}

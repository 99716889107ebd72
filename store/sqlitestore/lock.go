package sqlitestore

import (
	"context"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
)

// tenantLock reads the lock of a tenant.
func (c *conn) tenantLock(tenant string) (l store.TenantLock, taken bool, err error) {
	var fault string
	taken, err = c.one("SELECT plan, ordinal, start, phase FROM tenant_lock WHERE tenant = ?", []any{tenant}, func(r row) {
		l = store.TenantLock{
			Tenant: tenant, Plan: plan.ID(r.ColumnInt64(0)), Ordinal: r.ColumnInt(1),
			Start: uint64(r.ColumnInt64(2)), Phase: uint32(r.ColumnInt64(3)),
		}
		fault = planrecord.HoldFault(r.ColumnInt64(0), r.ColumnInt64(1), r.ColumnInt64(3))
	})
	if err == nil && fault != "" {
		err = c.corruptAt("tenant_lock", fmt.Sprintf("tenant %q", tenant), fault)
	}
	return l, taken, err
}

// Reserve implements store.Locker.
func (s *Store) Reserve(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	if err := store.CheckCount("locks", len(locks), store.MaxBatch); err != nil {
		return nil, err
	}
	locks = slices.Clone(locks)
	var others []store.TenantLock
	err = s.writer.commit(ctx, func(tx *tx) error {
		others = nil
		for i := range locks {
			l := &locks[i]
			if err := tx.exec("INSERT OR IGNORE INTO tenant_lock VALUES (?, ?, ?, ?, ?)", l.Tenant, int64(l.Plan), l.Ordinal, int64(l.Start), l.Phase); err != nil {
				return err
			}
			if tx.Changes() != 0 {
				continue
			}
			had, taken, err := tx.tenantLock(l.Tenant)
			if err != nil {
				return err
			}
			if taken && had != *l {
				others = append(others, had)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return others, nil
}

// Locks implements store.Locker.
func (s *Store) Locks(ctx context.Context, tenants []string) (found []store.TenantLock, err error) {
	if err := store.CheckCount("tenants", len(tenants), store.MaxBatch); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(c *conn) error {
		for _, tenant := range tenants {
			l, taken, err := c.tenantLock(tenant)
			if err != nil {
				return err
			}
			if taken {
				found = append(found, l)
			}
		}
		return nil
	})
	return found, err
}

// Replace implements store.Locker.
func (s *Store) Replace(ctx context.Context, old, next store.TenantLock) (bool, error) {
	if old.Tenant != next.Tenant {
		return false, fmt.Errorf("%w: the locks to replace are of different tenants", store.ErrInvalid)
	}
	done := false
	err := s.writer.commit(ctx, func(tx *tx) error {
		err := tx.exec("UPDATE tenant_lock SET plan = ?, ordinal = ?, start = ?, phase = ? WHERE tenant = ? AND plan = ? AND ordinal = ? AND start = ? AND phase = ?",
			int64(next.Plan), next.Ordinal, int64(next.Start), next.Phase, old.Tenant, int64(old.Plan), old.Ordinal, int64(old.Start), old.Phase)
		done = err == nil && tx.Changes() == 1
		return err
	})
	return done && err == nil, err
}

// Release implements store.Locker.
func (s *Store) Release(ctx context.Context, locks []store.TenantLock) error {
	if err := store.CheckCount("locks", len(locks), store.MaxBatch); err != nil {
		return err
	}
	locks = slices.Clone(locks)
	return s.writer.commit(ctx, func(tx *tx) error {
		for i := range locks {
			l := &locks[i]
			if err := tx.exec("DELETE FROM tenant_lock WHERE tenant = ? AND plan = ? AND ordinal = ? AND start = ? AND phase = ?",
				l.Tenant, int64(l.Plan), l.Ordinal, int64(l.Start), l.Phase); err != nil {
				return err
			}
		}
		return nil
	})
}

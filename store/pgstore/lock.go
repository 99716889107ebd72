package pgstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
)

// lockRows are locks that are written together, by tenant: whoever takes several waits for nobody
// who waits for it.
type lockRows struct {
	tenant             []string
	plan, start, phase []int64
	ordinal            []int32
}

func lockRowsOf(locks []store.TenantLock) (r lockRows) {
	sorted := slices.SortedStableFunc(slices.Values(locks), func(a, b store.TenantLock) int { return strings.Compare(a.Tenant, b.Tenant) })
	for i := range sorted {
		l := &sorted[i]
		r.tenant, r.plan, r.ordinal = append(r.tenant, encoded(l.Tenant)), append(r.plan, int64(l.Plan)), append(r.ordinal, int32(l.Ordinal))
		r.start, r.phase = append(r.start, int64(l.Start)), append(r.phase, int64(l.Phase))
	}
	return r
}

func (r *lockRows) args() []any { return []any{r.tenant, r.plan, r.ordinal, r.start, r.phase} }

const unnestLocks = "unnest($1::text[], $2::bigint[], $3::int[], $4::bigint[], $5::bigint[])"

// queueLocks adds the query for the locks of tenants.
func (t *tx) queueLocks(tenants []string, found map[string]store.TenantLock) {
	names := make([]string, len(tenants))
	for i, tenant := range tenants {
		names[i] = encoded(tenant)
	}
	t.each(func(r pgx.Rows) error {
		var l store.TenantLock
		var start, phase int64
		if err := r.Scan(&l.Tenant, &l.Plan, &l.Ordinal, &start, &phase); err != nil {
			return err
		}
		l.Tenant, l.Start, l.Phase = decoded(l.Tenant), uint64(start), uint32(phase)
		if fault := planrecord.HoldFault(int64(l.Plan), int64(l.Ordinal), phase); fault != "" {
			return t.s.corruptAt("tenant_lock", fmt.Sprintf("tenant %q", l.Tenant), fault)
		}
		found[l.Tenant] = l
		return nil
	}, "SELECT tenant, plan, ordinal, start, phase FROM @.tenant_lock WHERE tenant = ANY ($1::text[])", names)
}

// Reserve implements store.Locker.
func (s *Store) Reserve(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	if err := store.CheckCount("locks", len(locks), store.MaxBatch); err != nil {
		return nil, err
	}
	left := locks
	for {
		found := make(map[string]store.TenantLock)
		r, tenants := lockRowsOf(left), make([]string, len(left))
		for i := range left {
			tenants[i] = left[i].Tenant
		}
		if err := s.auto(ctx, func(t *tx) {
			t.exec("INSERT INTO @.tenant_lock (tenant, plan, ordinal, start, phase) SELECT * FROM "+unnestLocks+" ON CONFLICT (tenant) DO NOTHING", r.args()...)
			t.queueLocks(tenants, found)
		}); err != nil {
			return nil, err
		}
		// One that is missing was released by another between the two statements: it is free.
		var again []store.TenantLock
		for _, l := range left {
			switch had, is := found[l.Tenant]; {
			case !is:
				again = append(again, l)
			case had != l:
				held = append(held, had)
			}
		}
		if left = again; len(left) == 0 {
			return held, nil
		}
	}
}

// Locks implements store.Locker.
func (s *Store) Locks(ctx context.Context, tenants []string) (locks []store.TenantLock, err error) {
	if err := store.CheckCount("tenants", len(tenants), store.MaxBatch); err != nil {
		return nil, err
	}
	found := make(map[string]store.TenantLock)
	if err := s.auto(ctx, func(t *tx) { t.queueLocks(tenants, found) }); err != nil {
		return nil, err
	}
	for _, tenant := range tenants {
		if l, is := found[tenant]; is {
			locks = append(locks, l)
		}
	}
	return locks, nil
}

// Replace implements store.Locker.
func (s *Store) Replace(ctx context.Context, old, next store.TenantLock) (done bool, err error) {
	if old.Tenant != next.Tenant {
		return false, fmt.Errorf("%w: the locks to replace are of different tenants", store.ErrInvalid)
	}
	err = s.auto(ctx, func(t *tx) {
		t.affected(func(n int64) { done = n == 1 }, `UPDATE @.tenant_lock SET plan = $6, ordinal = $7, start = $8, phase = $9
			WHERE tenant = $1 AND plan = $2 AND ordinal = $3 AND start = $4 AND phase = $5`,
			encoded(old.Tenant), int64(old.Plan), old.Ordinal, int64(old.Start), int64(old.Phase), int64(next.Plan), next.Ordinal, int64(next.Start), int64(next.Phase))
	})
	return done && err == nil, err
}

// Release implements store.Locker.
func (s *Store) Release(ctx context.Context, locks []store.TenantLock) error {
	if err := store.CheckCount("locks", len(locks), store.MaxBatch); err != nil {
		return err
	}
	r := lockRowsOf(locks)
	return s.write(ctx, func(t *tx) error {
		t.exec("SELECT 1 FROM @.tenant_lock WHERE tenant = ANY ($1::text[]) ORDER BY tenant COLLATE \"C\" FOR UPDATE", r.tenant)
		t.exec("DELETE FROM @.tenant_lock AS l USING "+unnestLocks+` AS u (tenant, plan, ordinal, start, phase)
			WHERE l.tenant = u.tenant AND l.plan = u.plan AND l.ordinal = u.ordinal AND l.start = u.start AND l.phase = u.phase`, r.args()...)
		return nil
	})
}

package tenantlock

import (
	"context"
	"errors"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// maxHoldersNamed is the maximum number of locks of other plans that an error names.
const maxHoldersNamed = 100

// errEnough ends a walk over tenants early.
var errEnough = errors.New("enough")

// NameHolders adds to known the locks that other plans hold on the tenants of a plan whose start is
// given up, at most maxHoldersNamed in all. It locks no tenant. A fault of the store is reported,
// and known then names only the locks found before the fault.
func (m *Manager) NameHolders(ctx context.Context, id plan.ID, known *store.TenantHeldError) {
	add := m.naming(ctx, id, known)
	m.named(ctx, m.client.EachTenant(ctx, id, func(_ int, tenants []string) error { return add(tenants) }))
}

// NameHoldersOf is NameHolders for the tenants of an addition to the plan.
func (m *Manager) NameHoldersOf(ctx context.Context, id plan.ID, tenants []string, known *store.TenantHeldError) {
	m.named(ctx, m.naming(ctx, id, known)(tenants))
}

// named reports the error with which a search for holders ended, unless the caller has ended it.
func (m *Manager) named(ctx context.Context, err error) {
	if !errors.Is(err, errEnough) && ctx.Err() == nil {
		m.client.Fault("locks", err)
	}
}

// naming returns a function that adds the locks of further tenants to known, and returns errEnough
// when these are enough.
func (m *Manager) naming(ctx context.Context, id plan.ID, known *store.TenantHeldError) func(tenants []string) error {
	named := make(map[string]struct{})
	for _, l := range known.Held {
		named[l.Tenant] = struct{}{}
	}
	return func(tenants []string) error {
		for batch := range slices.Chunk(tenants, store.MaxBatch) {
			held, err := m.holders(ctx, id, batch)
			if err != nil {
				return err
			}
			for _, l := range held {
				if _, twice := named[l.Tenant]; !twice {
					known.Held = append(known.Held, l)
				}
			}
			if len(known.Held) >= maxHoldersNamed {
				known.Held = known.Held[:maxHoldersNamed]
				return errEnough
			}
		}
		return nil
	}
}

// holders returns the locks of the tenants that tasks of other plans need.
func (m *Manager) holders(ctx context.Context, id plan.ID, tenants []string) ([]store.TenantLock, error) {
	locks, err := m.locksOf(ctx, tenants)
	if err != nil {
		return nil, err
	}
	v, err := m.judge(ctx, slices.DeleteFunc(locks, func(l store.TenantLock) bool { return l.Plan == id }))
	return v.held, err
}

// Holder returns the lock of a tenant and its plan, if a task of another plan than id needs the
// tenant, or a start under way has locked it. It changes nothing: a start that shows no sign of
// life, and that a caller who needs the tenant would give up, does not count.
func (m *Manager) Holder(ctx context.Context, id plan.ID, tenant string) (l store.TenantLock, p plan.Plan, held bool, err error) {
	locks, err := m.locksOf(ctx, []string{tenant})
	if err != nil || len(locks) == 0 || locks[0].Plan == id {
		return l, p, false, err
	}
	l = locks[0]
	p, err = m.client.Plan(ctx, l.Plan)
	if errors.Is(err, store.ErrNotFound) {
		return l, p, false, nil
	}
	switch {
	case err != nil:
		return l, p, false, err
	case underWay(p, l):
		return l, p, true, nil
	case skipping(p, l):
	case ofStart(p, l) || ofAddition(p, l) || ended(p, l):
		return l, p, false, nil
	}
	var v verdict
	err = m.judgeTasks(ctx, p, []store.TenantLock{l}, &v)
	return l, p, len(v.held) > 0, err
}

package tenantlock

import (
	"cmp"
	"context"
	"slices"

	"github.com/cutover-go/cutover/store"
)

// LockFree locks up to want of the tenants (at most store.MaxBatch) of pending tasks for a claim of
// theirs, those that no task of another plan needs, in their order. phase is the claim's.
//
// A lock of the plan itself says that the task is being claimed, or was claimed since it was read
// as pending, and is left alone, and returned in claiming. If the caller read the task as pending
// again after that and gives the lock in was, LockFree takes it over: the process that took it has
// died before the claim, or the store has lost the claim.
//
// A tenant counts as needed if its lock cannot be read, or the plan that has it cannot be looked
// at. The error then says so, and the other tenants are locked all the same.
func (m *Manager) LockFree(ctx context.Context, o Owner, phase uint32, ordinals []int, tenants []string, want int, was []store.TenantLock) (locked, claiming []store.TenantLock, err error) {
	present, damaged, damage, err := m.readable(ctx, tenants)
	if err != nil {
		return nil, nil, err
	}
	var others, stale []store.TenantLock
	for _, l := range present {
		switch {
		case l.Plan != o.Plan:
			others = append(others, l)
		case slices.Contains(was, l) || l.Start != o.Start:
			stale = append(stale, l)
		default:
			claiming = append(claiming, l)
		}
	}
	v, problem := m.judgeOrSpare(ctx, others)
	problem = cmp.Or(damage, problem)
	locks := without(claimLocks(o, phase, ordinals, tenants), slices.Concat(claiming, v.held, v.starting, damaged))
	locks = locks[:min(want, len(locks))]
	if len(locks) == 0 {
		return nil, claiming, problem
	}
	if err := m.release(ctx, sameTenants(append(stale, v.stale...), locks)); err != nil {
		return nil, claiming, err
	}
	faster, err := m.reserve(ctx, locks)
	if err != nil {
		return nil, claiming, err
	}
	return without(locks, faster), claiming, problem
}

// without returns the locks whose tenants do not occur in others.
func without(locks, others []store.TenantLock) []store.TenantLock {
	among := make(map[string]struct{}, len(others))
	for _, l := range others {
		among[l.Tenant] = struct{}{}
	}
	return slices.DeleteFunc(locks, func(l store.TenantLock) bool {
		_, is := among[l.Tenant]
		return is
	})
}

// Unlock releases locks that LockFree has taken for tasks that were not claimed.
func (m *Manager) Unlock(ctx context.Context, locks []store.TenantLock) error {
	return m.release(ctx, locks)
}

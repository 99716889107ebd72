package cutover

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// maxHeldNamed is how many tenants in the way an error names.
const maxHeldNamed = 100

// lockOf returns the lock of a task for its attempt, or for its undo.
func lockOf(p plan.ID, start uint64, t task.Task, attempt int, undo bool) store.TenantLock {
	phase := uint32(max(1, attempt)) * 2
	if undo {
		phase++
	}
	return store.TenantLock{Tenant: t.Tenant.ID, Plan: p, Ordinal: t.ID.Ordinal(), Start: start, Phase: phase}
}

// locksOf returns the locks that a task at rest may still have.
func locksOf(p plan.Plan, t task.Task) []store.TenantLock {
	return []store.TenantLock{
		lockOf(p.ID, p.StartToken, t, t.Attempt, false),
		lockOf(p.ID, p.StartToken, t, t.Attempt, true),
	}
}

// lockAgain takes the tenant for a retry or an undo. It may have been given free
// since, and another plan may work on it: store.ErrTenantHeld.
func (e *Engine) lockAgain(ctx context.Context, p plan.Plan, t task.Task, edits []task.Edit) error {
	var locks []store.TenantLock
	for _, edit := range edits {
		switch edit.State {
		case task.Running, task.RollingBack:
			locks = append(locks, lockOf(p.ID, p.StartToken, t, edit.Attempt, edit.State == task.RollingBack))
		case task.Pending, task.Paused, task.Completed, task.Failed, task.Skipped,
			task.Cancelled, task.RolledBack, task.RollbackFailed:
		}
	}
	if len(locks) == 0 {
		return nil
	}
	held, err := e.lock(ctx, locks)
	if err == nil && len(held) > 0 {
		err = &store.TenantHeldError{Held: held}
	}
	return err
}

// lock takes the locks, over from whoever holds them without need, and returns
// those that other plans hold.
func (e *Engine) lock(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	var others []store.TenantLock
	err = e.command(ctx, "reserve", func() error {
		others, err = e.store.Reserve(ctx, locks)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, other := range others {
		i := slices.IndexFunc(locks, func(l store.TenantLock) bool { return l.Tenant == other.Tenant })
		if i < 0 {
			return nil, &store.CorruptError{Key: "tenant " + other.Tenant, Reason: "named as held, but was not asked for"}
		}
		taken, err := e.takeOver(ctx, other, locks[i])
		if err != nil {
			return nil, err
		}
		if !taken {
			held = append(held, other)
		}
	}
	return held, nil
}

// takeOver replaces a lock that nobody needs any more: one of the same task from
// before, or a stale one.
func (e *Engine) takeOver(ctx context.Context, old, next store.TenantLock) (bool, error) {
	if old.Plan != next.Plan || old.Ordinal != next.Ordinal || old.Start != next.Start {
		stale, err := e.stale(ctx, old)
		if err != nil || !stale {
			return false, err
		}
	}
	replaced := false
	err := e.command(ctx, "replace lock", func() (err error) {
		replaced, err = e.store.Replace(ctx, old, next)
		return err
	})
	if err != nil || replaced {
		return replaced, err
	}
	// It changed in between: it is ours if it is free now.
	var held []store.TenantLock
	err = e.command(ctx, "reserve", func() (err error) {
		held, err = e.store.Reserve(ctx, []store.TenantLock{next})
		return err
	})
	return err == nil && len(held) == 0, err
}

// stale reports whether nobody needs a lock: its plan is gone, over or never
// finished starting, or its task is through with the tenant.
func (e *Engine) stale(ctx context.Context, l store.TenantLock) (bool, error) {
	p, err := e.readPlan(ctx, l.Plan)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return true, nil
	case err != nil:
		return false, err
	case p.Over():
		return true, nil
	case p.Starting != nil && p.Starting.Token == l.Start:
		if p.Idle <= e.startTTL() {
			return false, nil
		}
		// It may only be slow: without its mark it cannot start any more.
		p, err = e.unmarkStart(ctx, l.Plan, l.Start)
		return err == nil && p.StartToken != l.Start, err
	case p.StartToken != l.Start:
		return true, nil
	}
	t, err := e.readTask(ctx, task.NewID(l.Plan, l.Ordinal))
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return err == nil && t.State.Releases() && t.Worker == "", err
}

// held reports which tasks of a sweep cannot go on because of their tenants.
func (e *Engine) heldTasks(ctx context.Context, p plan.Plan, tasks []task.Task) (func(task.ID) bool, error) {
	var locks []store.TenantLock
	for _, t := range tasks {
		locks = append(locks, lockOf(p.ID, p.StartToken, t, t.Attempt+1, false))
	}
	if len(locks) == 0 {
		return func(task.ID) bool { return false }, nil
	}
	held, err := e.lock(ctx, locks)
	if err != nil {
		return nil, fmt.Errorf("taking the tenants again: %w", err)
	}
	return func(id task.ID) bool {
		return slices.ContainsFunc(held, func(h store.TenantLock) bool {
			return slices.ContainsFunc(locks, func(l store.TenantLock) bool {
				return l.Tenant == h.Tenant && l.Ordinal == id.Ordinal()
			})
		})
	}, nil
}

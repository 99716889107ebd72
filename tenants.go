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

// Each hold of a tenant by a task has a phase of its own, so that whoever found an
// earlier one stale, or comes late to free it, does not hit a later one:
//
//	startPhase   from the start of the plan, through the task's first attempt
//	+ version    meant for a retry or a rollback, decided on the task at that version
//	+ token      a later attempt or an undo, for as long as its worker has the task
const (
	startPhase  = 2
	intentPhase = 1 << 30
	runPhase    = 1 << 31
)

func startLock(p plan.ID, start uint64, ordinal int, tenant string) store.TenantLock {
	return store.TenantLock{Tenant: tenant, Plan: p, Ordinal: ordinal, Start: start, Phase: startPhase}
}

// intentLock is taken before a retry or a rollback is committed. Until it is, the
// lock may still be found stale and be taken over: the worker checks again.
func intentLock(p plan.Plan, t task.Task) store.TenantLock {
	l := startLock(p.ID, p.StartToken, t.ID.Ordinal(), t.Tenant.ID)
	l.Phase = intentPhase | uint32(t.Version)&(intentPhase-1)
	return l
}

// runLock is the lock under which a task runs under its token. Since it takes the
// place of another value, whoever found that one stale comes too late from now on.
func runLock(p plan.ID, start uint64, t task.Task) store.TenantLock {
	l := startLock(p, start, t.ID.Ordinal(), t.Tenant.ID)
	if t.Attempt > 1 || t.State == task.RollingBack {
		l.Phase = runPhase | uint32(t.Token)&(runPhase-1)
	}
	return l
}

// locksOf returns the locks that a task at rest may still have.
func locksOf(p plan.Plan, t task.Task) []store.TenantLock {
	start, run := startLock(p.ID, p.StartToken, t.ID.Ordinal(), t.Tenant.ID), startLock(p.ID, p.StartToken, t.ID.Ordinal(), t.Tenant.ID)
	run.Phase = runPhase | uint32(t.Token)&(runPhase-1)
	return []store.TenantLock{start, run}
}

// lockAgain takes the tenant for a retry or an undo. It may have been given free
// since, and another plan may work on it: store.ErrTenantHeld.
func (e *Engine) lockAgain(ctx context.Context, p plan.Plan, t task.Task, edits []task.Edit) error {
	again := slices.ContainsFunc(edits, func(edit task.Edit) bool {
		return edit.State == task.RollingBack || edit.State == task.Running && edit.Attempt != t.Attempt
	})
	if !again {
		return nil
	}
	held, err := e.lock(ctx, []store.TenantLock{intentLock(p, t)})
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
		if err != nil {
			return false, fmt.Errorf("tenant %q is held by plan %s, task %d of which cannot be looked at: %w",
				old.Tenant, old.Plan, old.Ordinal, err)
		}
		if !stale {
			return false, nil
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
		if p.StartLeft() > 0 {
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

// heldTasks reports which tasks of a sweep cannot go on because of their tenants.
func (e *Engine) heldTasks(ctx context.Context, p plan.Plan, tasks []task.Task) (func(task.ID) bool, error) {
	var locks []store.TenantLock
	for _, t := range tasks {
		locks = append(locks, intentLock(p, t))
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

package cutover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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

// lockAgain takes the tenant for a retry or an undo, and returns what it has taken. The
// tenant may have been given free since, and another plan may work on it:
// store.ErrTenantHeld.
func (e *Engine) lockAgain(ctx context.Context, p plan.Plan, t task.Task, edits []task.Edit) ([]store.TenantLock, error) {
	again := slices.ContainsFunc(edits, func(edit task.Edit) bool {
		return edit.State == task.RollingBack || edit.State == task.Running && edit.Attempt != t.Attempt
	})
	if !again {
		return nil, nil
	}
	// If the command is not carried out, the lock may stay behind: the plan is looked at then.
	err := e.command(ctx, "remind", func() error { return e.store.Remind(ctx, map[plan.ID]time.Duration{p.ID: lateness}) })
	if err != nil {
		return nil, err
	}
	locks := []store.TenantLock{intentLock(p, t)}
	held, err := e.lock(ctx, locks, lockPatience)
	if err == nil && len(held) > 0 {
		return nil, &store.TenantHeldError{Held: held}
	}
	return locks, err
}

// errStartInWay says that a start under way holds a tenant. It may be given up yet.
var errStartInWay = errors.New("cutover: a start under way holds the tenant")

// heldTasks reports which tasks of a sweep cannot go on because of their tenants.
// errStartInWay if that is not known yet.
func (e *Engine) heldTasks(ctx context.Context, p plan.Plan, tasks []task.Task) (func(task.ID) bool, error) {
	var locks []store.TenantLock
	for _, t := range tasks {
		locks = append(locks, intentLock(p, t))
	}
	if len(locks) == 0 {
		return func(task.ID) bool { return false }, nil
	}
	in, err := e.acquire(ctx, locks)
	switch {
	case err != nil:
		return nil, fmt.Errorf("taking the tenants again: %w", err)
	case len(in.starting) > 0:
		return nil, errStartInWay
	}
	held := make(map[string]struct{}, len(in.held))
	for _, l := range in.held {
		held[l.Tenant] = struct{}{}
	}
	passed := make(map[task.ID]struct{})
	for _, t := range tasks {
		if _, other := held[t.Tenant.ID]; other {
			passed[t.ID] = struct{}{}
		}
	}
	return func(id task.ID) bool { _, is := passed[id]; return is }, nil
}

package cutover

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	l.Phase = intentOn(t)
	return l
}

func intentOn(t task.Task) uint32 { return intentPhase | uint32(t.Version)&(intentPhase-1) }

// checkIntents fails with store.ErrConflict if a task has changed since a command on it was
// decided whose lock is to replace an earlier one of the task. That one was read before the
// call, so while the task is as it was, it is the lock of no later run. Otherwise a late
// command would take the lock away from the worker that holds the task now.
func (e *Engine) checkIntents(ctx context.Context, own []store.TenantLock, wanted map[string]store.TenantLock) error {
	phases := make(map[int]uint32)
	for _, l := range own {
		if next := wanted[l.Tenant]; next.Phase&runPhase == 0 && next.Phase&intentPhase != 0 {
			phases[next.Ordinal] = next.Phase
		}
	}
	if len(phases) == 0 {
		return nil
	}
	tasks, err := e.client.TasksAt(ctx, own[0].Plan, slices.Sorted(maps.Keys(phases)))
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if phases[t.ID.Ordinal()] != intentOn(t) {
			return fmt.Errorf("%w: task %s has changed before its tenant was locked", store.ErrConflict, t.ID)
		}
	}
	return nil
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

// locksAgain reports whether a command has to lock the task's tenant again, for a retry or
// an undo: the tenant may have been released since.
func locksAgain(t task.Task, edits []task.Edit) bool {
	return slices.ContainsFunc(edits, func(edit task.Edit) bool {
		return edit.State == task.RollingBack || edit.State == task.Running && edit.Attempt != t.Attempt
	})
}

// lockAgain locks the tenant for a command. store.ErrTenantHeld if another plan works on it
// by now, store.ErrConflict if the task has changed meanwhile.
func (e *Engine) lockAgain(ctx context.Context, p plan.Plan, t task.Task) error {
	// If the command is not carried out, the lock may stay behind: the plan is looked at then.
	err := e.client.Do(ctx, "remind", func() error { return e.store.Remind(ctx, map[plan.ID]time.Duration{p.ID: lateness}) })
	if err != nil {
		return err
	}
	held, err := e.lock(ctx, []store.TenantLock{intentLock(p, t)}, lockPatience)
	if err == nil && len(held) > 0 {
		return &store.TenantHeldError{Held: held}
	}
	return err
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

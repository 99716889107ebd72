package tenantlock

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

// NeedsRelock reports whether a command on t has to lock its tenant again, for a retry or an undo:
// the tenant may have been released since.
func NeedsRelock(t task.Task, edits []task.Edit) bool {
	return slices.ContainsFunc(edits, func(edit task.Edit) bool {
		return edit.State == task.RollingBack || edit.State == task.Running && edit.Attempt != t.Attempt
	})
}

// Relock locks the tenant of a task for a command that was decided on it and is not committed yet.
// A *store.TenantHeldError if another plan works on it by now, store.ErrConflict if the task has
// changed meanwhile. If the command is not carried out, [Manager.ReleaseStale] releases what it has
// locked and the task does not need.
func (m *Manager) Relock(ctx context.Context, p plan.Plan, t task.Task) error {
	// If this process ends before that, the lock stays behind: the plan is looked at then.
	err := m.client.Do(ctx, "remind", func() error {
		return m.client.Store.Remind(ctx, map[plan.ID]time.Duration{p.ID: Lateness})
	})
	if err != nil {
		return err
	}
	held, err := m.lock(ctx, []store.TenantLock{intentLock(p, t)})
	if err == nil && len(held) > 0 {
		return &store.TenantHeldError{Held: held}
	}
	return err
}

// ErrStartInWay says that a start under way has a tenant. It may be given up yet.
var ErrStartInWay = errors.New("cutover: a start under way holds the tenant")

// Held locks the tenants of tasks of a sweep again and reports which of the tasks cannot go on
// because other plans work on their tenants. [ErrStartInWay] if that is not known yet.
func (m *Manager) Held(ctx context.Context, p plan.Plan, tasks []task.Task) (held func(task.ID) bool, err error) {
	passed := make(map[task.ID]struct{})
	held = func(id task.ID) bool { _, is := passed[id]; return is }
	if len(tasks) == 0 {
		return held, nil
	}
	locks := make([]store.TenantLock, len(tasks))
	for i, t := range tasks {
		locks[i] = intentLock(p, t)
	}
	in, err := m.acquire(ctx, locks)
	switch {
	case err != nil:
		return nil, fmt.Errorf("taking the tenants again: %w", err)
	case len(in.starting) > 0:
		return nil, ErrStartInWay
	}
	for _, l := range sameTenants(locks, in.held) {
		passed[task.NewID(p.ID, l.Ordinal)] = struct{}{}
	}
	return held, nil
}

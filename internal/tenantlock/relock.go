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

// NeedsRelock reports whether a command that makes these edits to t has to lock its tenant again,
// for a retry or an undo: the tenant may have been released.
func NeedsRelock(t task.Task, edits []task.Edit) bool {
	return slices.ContainsFunc(edits, func(edit task.Edit) bool {
		return edit.State == task.RollingBack || edit.State == task.Running && edit.Attempt != t.Attempt
	})
}

// Relocked returns those of the tasks for which a command that makes these edits has to lock the
// tenants again.
func Relocked(tasks []task.Task, edits []task.Edit) []task.Task {
	of := make(map[task.ID]task.Edit, len(edits))
	for _, e := range edits {
		of[e.ID] = e
	}
	var list []task.Task
	for _, t := range tasks {
		if e, edited := of[t.ID]; edited && NeedsRelock(t, []task.Edit{e}) {
			list = append(list, t)
		}
	}
	return list
}

// Relock locks the tenant of a task for a command that was decided from the task and is not
// committed yet. Returns a *store.TenantHeldError if another plan works on the tenant by now, and
// store.ErrConflict if the task has changed. If the command is then not carried out,
// [Manager.ReleaseStale] releases the lock unless the task needs it.
func (m *Manager) Relock(ctx context.Context, p plan.Plan, t task.Task) error {
	// If this process ends before the command is committed, the lock stays behind; the reminder
	// then makes the plan due, and the cleaner releases the lock.
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

// ErrStartInWay means that a start under way has locked a tenant. The start may yet be given up.
var ErrStartInWay = errors.New("cutover: a start under way holds the tenant")

// Held locks the tenants of tasks of a sweep again. The function held reports whether a task cannot
// go on because another plan works on its tenant. Returns [ErrStartInWay] if a start under way
// holds some of the tenants.
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

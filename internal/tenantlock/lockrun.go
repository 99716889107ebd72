package tenantlock

import (
	"context"
	"errors"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// ErrOldToken means that a tenant is locked for a task now, but was not when the task was claimed
// and its token was given. Another plan may have worked on the tenant in between, under a greater
// token. The task has to be claimed again, under a token greater than that; the lock stays.
var ErrOldToken = errors.New("cutover: the tenant was locked after the claim, so the task is claimed again")

// LockRun locks the tenant of a claimed task for its run: a later attempt, an undo, or the first
// attempt of a task that was added. Any other first attempt does not need the call: it runs under
// the lock of the start, and no process finds that lock stale while the task runs. claim is the
// phase of the lock under which this process has claimed the task, 0 if it took none. LockRun
// returns nil if the tenant was locked for this task when its token was given; otherwise
// [ErrOldToken], a *store.TenantHeldError, or an error of the store.
func (m *Manager) LockRun(ctx context.Context, o Owner, t task.Task, claim uint32) error {
	mine := RunLock(o, t)
	others, err := m.reserve(ctx, []store.TenantLock{mine})
	switch {
	case err != nil:
		return err
	case len(others) == 0:
		return ErrOldToken // the tenant was free, and is locked from now on
	}
	// The lock of a start, an addition or an earlier run of this task proves that the tenant was
	// locked when the token was given, because the start, the addition, or the earlier run that did
	// not go on, raised the tokens before this claim. So did the claim itself, after it took its
	// lock. The lock of a command, or of another claim, proves nothing, because it may have been
	// taken after the claim.
	if old := others[0]; sameTask(old, mine) && (isOfRun(old.Phase) || claim != 0 && old.Phase == claim) {
		if kept, err := m.replace(ctx, old, mine); err != nil || kept {
			return err
		}
	}
	held, err := m.lock(ctx, []store.TenantLock{mine})
	switch {
	case err != nil:
		return err
	case len(held) > 0:
		return &store.TenantHeldError{Held: held}
	}
	return ErrOldToken
}

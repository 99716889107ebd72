package tenantlock

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/store"
)

// lockTimeout is how long a command or a worker waits for the end of a start that has locked the
// tenant, because that start may yet be given up.
const lockTimeout = 10 * time.Second

// The first and the longest pause before a process requests locks again that a start under way
// holds.
const (
	firstWait   = 5 * time.Millisecond
	longestWait = 200 * time.Millisecond
)

// maxTakeOvers bounds how often in a row acquire takes over stale locks. A second take-over is
// needed only if another process was faster with some of them.
const maxTakeOvers = 10

// inWay are the locks that other tasks hold on the requested tenants.
type inWay struct {
	held     []store.TenantLock // locks of tasks that need them
	starting []store.TenantLock // locks of starts and claims under way, which may yet be given up
}

// lock acquires the locks, taking over stale ones, and returns the locks that other plans hold. It
// waits for the end of starts that are under way, at most for lockTimeout.
func (m *Manager) lock(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	deadline := time.Now().Add(lockTimeout)
	for pause := firstWait; ; pause = min(2*pause, longestWait) {
		in, err := m.acquire(ctx, locks)
		if err != nil {
			return nil, err
		}
		held = append(held, in.held...)
		if len(in.starting) == 0 {
			return held, nil
		}
		if !time.Now().Before(deadline) {
			return append(held, in.starting...), nil
		}
		if wait.For(ctx, pause); ctx.Err() != nil {
			return nil, ctx.Err()
		}
		locks = sameTenants(locks, in.starting)
	}
}

// acquire acquires the locks, taking over stale ones, and returns the locks of other tasks that are
// in the way. It does not wait for starts under way.
func (m *Manager) acquire(ctx context.Context, locks []store.TenantLock) (in inWay, err error) {
	for range maxTakeOvers {
		others, err := m.reserve(ctx, locks)
		if err != nil || len(others) == 0 {
			return in, err
		}
		others, changed, err := m.replaceOwn(ctx, locks, others)
		if err != nil {
			return in, err
		}
		found, err := m.judge(ctx, others)
		if err != nil {
			return in, err
		}
		in.held, in.starting = append(in.held, found.held...), append(in.starting, found.starting...)
		if err := m.release(ctx, found.stale); err != nil {
			return in, err
		}
		if locks = sameTenants(locks, append(changed, found.stale...)); len(locks) == 0 {
			return in, nil
		}
	}
	// Another process was faster each time: its locks are in the way.
	others, err := m.reserve(ctx, locks)
	in.held = append(in.held, others...)
	return in, err
}

// replaceOwn replaces earlier locks of the same tasks. others are the locks that were in the way of
// locks. It returns the locks of other tasks, and the old locks that changed before they were
// replaced, whose tenants have to be requested again. An addition has no earlier locks: what has
// the same ordinal belongs to another addition, one of which was given up. Returns
// store.ErrConflict if a lock is for a command on a task that has changed since the command was
// decided.
func (m *Manager) replaceOwn(ctx context.Context, locks, others []store.TenantLock) (foreign, changed []store.TenantLock, err error) {
	pending := make(map[string]store.TenantLock, len(locks))
	for _, l := range locks {
		pending[l.Tenant] = l
	}
	var own []store.TenantLock
	for _, old := range others {
		next, asked := pending[old.Tenant]
		switch {
		case !asked:
			return nil, nil, &store.CorruptError{Key: "tenant " + old.Tenant, Reason: "named as held, but was not asked for"}
		case sameTask(old, next) && !isOfAddition(next.Phase):
			own = append(own, old)
		default:
			foreign = append(foreign, old)
		}
	}
	if err := m.checkIntents(ctx, own, pending); err != nil {
		return nil, nil, err
	}
	for _, old := range own {
		replaced, err := m.replace(ctx, old, pending[old.Tenant])
		if err != nil {
			return nil, nil, err
		}
		if !replaced {
			changed = append(changed, old)
		}
	}
	return foreign, changed, nil
}

// checkIntents returns store.ErrConflict if a lock for a command is to replace an earlier lock of
// the same task, and the task has changed since the command was decided. The earlier lock was read
// before this call, so as long as the task is unchanged it is not the lock of a later run. Without
// this check a late command would take the lock away from the worker that holds the task now.
func (m *Manager) checkIntents(ctx context.Context, own []store.TenantLock, pending map[string]store.TenantLock) error {
	phases := make(map[int]uint32)
	for _, l := range own {
		if next := pending[l.Tenant]; isIntent(next.Phase) {
			phases[next.Ordinal] = next.Phase
		}
	}
	if len(phases) == 0 {
		return nil
	}
	tasks, err := m.client.TasksAt(ctx, own[0].Plan, slices.Sorted(maps.Keys(phases)))
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if phases[t.ID.Ordinal()] != phaseOfIntent(t) {
			return fmt.Errorf("%w: task %s has changed before its tenant was locked", store.ErrConflict, t.ID)
		}
	}
	return nil
}

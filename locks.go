package cutover

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/store"
)

// lockPatience is how long a command or a worker waits for the end of a start that holds
// the tenant: it may be given up.
const lockPatience = 10 * time.Second

// maxTakeOvers bounds how often stale locks are taken over in a row: each time somebody
// else was faster with some of them.
const maxTakeOvers = 10

// inWay are the locks that others have of tenants which were asked for.
type inWay struct {
	held     []store.TenantLock // by tasks that need them
	starting []store.TenantLock // by starts under way, which may be given up
}

// lock takes the locks, over from whoever holds them without need, and returns those that
// other plans hold. For starts under way it waits until they have come to an end, for as
// long as patience lasts.
func (e *Engine) lock(ctx context.Context, locks []store.TenantLock, patience time.Duration) (held []store.TenantLock, err error) {
	deadline := time.Now().Add(patience)
	for pause := firstWait; ; pause = min(2*pause, longestWait) {
		in, err := e.acquire(ctx, locks)
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

// How long to wait before looking again at a start that is in the way.
const (
	firstWait   = 5 * time.Millisecond
	longestWait = 200 * time.Millisecond
)

// acquire takes the locks, over from whoever holds them without need, and returns those
// that are in the way.
func (e *Engine) acquire(ctx context.Context, locks []store.TenantLock) (in inWay, err error) {
	for range maxTakeOvers {
		others, err := e.reserve(ctx, locks)
		if err != nil || len(others) == 0 {
			return in, err
		}
		others, changed, err := e.replaceOwn(ctx, locks, others)
		if err != nil {
			return in, err
		}
		found, err := e.judge(ctx, others)
		if err != nil {
			return in, err
		}
		in.held, in.starting = append(in.held, found.held...), append(in.starting, found.starting...)
		if err := e.release(ctx, found.stale); err != nil {
			return in, err
		}
		if locks = sameTenants(locks, append(changed, found.stale...)); len(locks) == 0 {
			return in, nil
		}
	}
	// Somebody was faster each time: whoever has them now is in the way.
	others, err := e.reserve(ctx, locks)
	in.held = append(in.held, others...)
	return in, err
}

func (e *Engine) reserve(ctx context.Context, locks []store.TenantLock) (others []store.TenantLock, err error) {
	err = e.client.Do(ctx, "reserve", func() error {
		others, err = e.store.Reserve(ctx, locks)
		return err
	})
	return others, err
}

// release frees the locks, those that have changed since excepted.
func (e *Engine) release(ctx context.Context, locks []store.TenantLock) error {
	if len(locks) == 0 {
		return nil
	}
	return e.client.Do(ctx, "release", func() error { return e.store.Release(ctx, locks) })
}

// replaceOwn replaces locks that the same tasks have from before. It returns those of
// other tasks, and those that changed meanwhile and have to be asked for again.
// store.ErrConflict if a lock was meant for a command on a task that has changed since.
func (e *Engine) replaceOwn(ctx context.Context, locks, others []store.TenantLock) (foreign, changed []store.TenantLock, err error) {
	wanted := make(map[string]store.TenantLock, len(locks))
	for _, l := range locks {
		wanted[l.Tenant] = l
	}
	var own []store.TenantLock
	for _, old := range others {
		next, asked := wanted[old.Tenant]
		if !asked {
			return nil, nil, &store.CorruptError{Key: "tenant " + old.Tenant, Reason: "named as held, but was not asked for"}
		}
		if old.Plan != next.Plan || old.Ordinal != next.Ordinal || old.Start != next.Start {
			foreign = append(foreign, old)
			continue
		}
		own = append(own, old)
	}
	if err := e.checkIntents(ctx, own, wanted); err != nil {
		return nil, nil, err
	}
	for _, old := range own {
		replaced := false
		err := e.client.Do(ctx, "replace lock", func() (err error) {
			replaced, err = e.store.Replace(ctx, old, wanted[old.Tenant])
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		if !replaced {
			changed = append(changed, old)
		}
	}
	return foreign, changed, nil
}

// sameTenants returns those of the locks whose tenants are among those of the others.
func sameTenants(locks, others []store.TenantLock) []store.TenantLock {
	if len(others) == 0 {
		return nil
	}
	among := make(map[string]struct{}, len(others))
	for _, l := range others {
		among[l.Tenant] = struct{}{}
	}
	var same []store.TenantLock
	for _, l := range locks {
		if _, is := among[l.Tenant]; is {
			same = append(same, l)
		}
	}
	return same
}

package cutover

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// lockAll takes the locks of all tenants of a plan that was marked as starting. At the
// first that another plan works on it stops: store.ErrTenantHeld. Of starts in each
// other's way the one with the smaller plan id keeps what it has and waits for what it
// lacks, and the other gives way: a *yieldError. So no two wait for each other.
func (e *Engine) lockAll(ctx context.Context, id plan.ID, actor string, token uint64, deadline time.Time) error {
	alive, stop := e.keepStart(ctx, id, actor, token)
	defer stop()
	err := e.client.EachTenant(alive, id, func(first int, tenants []string) error {
		locks := startLocks(id, token, first, tenants)
		err := e.lockPage(alive, locks, deadline)
		if errors.Is(err, store.ErrNotFound) {
			// The plan is removed, and nobody will know of these.
			err = errors.Join(err, eachBatch(ctx, locks, e.release))
		}
		return err
	})
	if cause := context.Cause(alive); err != nil && cause != nil && ctx.Err() == nil {
		return cause
	}
	return err
}

// lockPage takes the locks, several batches at a time. If some are held for good, the
// error names all of them.
func (e *Engine) lockPage(ctx context.Context, locks []store.TenantLock, deadline time.Time) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var held []store.TenantLock
	err := eachBatch(ctx, locks, func(ctx context.Context, batch []store.TenantLock) error {
		others, err := e.lockBatch(ctx, batch, deadline)
		if len(others) > 0 {
			mu.Lock()
			held = append(held, others...)
			mu.Unlock()
			stop() // nobody need wait for the others any more
		}
		return err
	})
	if len(held) > 0 {
		return &store.TenantHeldError{Held: inOrder(locks, held)}
	}
	return err
}

// inOrder sorts locks in the way by the order in which their tenants were asked for.
func inOrder(asked, held []store.TenantLock) []store.TenantLock {
	place := make(map[string]int, len(asked))
	for i, l := range asked {
		place[l.Tenant] = i
	}
	slices.SortFunc(held, func(a, b store.TenantLock) int { return place[a.Tenant] - place[b.Tenant] })
	return held[:min(len(held), maxHeldNamed)]
}

// lockBatch takes locks for a start and returns those that are held for good. It waits for
// starts of plans with greater ids: they give way, or come to their end.
func (e *Engine) lockBatch(ctx context.Context, locks []store.TenantLock, deadline time.Time) (held []store.TenantLock, err error) {
	for pause := firstWait; ; pause = min(2*pause, longestWait) {
		in, err := e.acquire(ctx, locks)
		if err != nil || len(in.held) > 0 || len(in.starting) == 0 {
			return in.held, err
		}
		for _, l := range in.starting {
			if l.Plan < locks[0].Plan {
				return nil, &yieldError{to: l}
			}
		}
		if !time.Now().Before(deadline) {
			return in.starting, nil
		}
		if wait.For(ctx, pause); ctx.Err() != nil {
			return nil, ctx.Err()
		}
		locks = sameTenants(locks, in.starting)
	}
}

// eachBatch calls f for all of them, at most store.MaxBatch at a time and several batches at
// once. It returns the first error, which ends the context of the others.
func eachBatch[T any](ctx context.Context, all []T, f func(context.Context, []T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var batches sync.WaitGroup
	for batch := range slices.Chunk(all, store.MaxBatch) {
		batches.Go(func() {
			if err := f(ctx, batch); err != nil {
				cancel(err) // only the first counts
			}
		})
	}
	batches.Wait()
	return context.Cause(ctx)
}

// startLocks returns the locks that a start takes of tenants, the first of them with that
// ordinal.
func startLocks(id plan.ID, token uint64, first int, tenants []string) []store.TenantLock {
	locks := make([]store.TenantLock, len(tenants))
	for i, tenant := range tenants {
		locks[i] = startLock(id, token, first+i, tenant)
	}
	return locks
}

// nameHolders adds to what an error names of tenants that other plans work on, without
// taking any: the start is given up. It stands at what is known if it cannot find out.
func (e *Engine) nameHolders(ctx context.Context, id plan.ID, known *store.TenantHeldError) {
	named := make(map[string]struct{})
	for _, l := range known.Held {
		named[l.Tenant] = struct{}{}
	}
	enough := errors.New("enough")
	err := e.client.EachTenant(ctx, id, func(_ int, tenants []string) error {
		for batch := range slices.Chunk(tenants, store.MaxBatch) {
			held, err := e.holders(ctx, id, batch)
			if err != nil {
				return err
			}
			for _, l := range held {
				if _, twice := named[l.Tenant]; !twice {
					known.Held = append(known.Held, l)
				}
			}
			if len(known.Held) >= maxHeldNamed {
				known.Held = known.Held[:maxHeldNamed]
				return enough
			}
		}
		return nil
	})
	if !errors.Is(err, enough) {
		e.client.Fault("locks", err)
	}
}

// holders returns the locks that tasks of other plans need of those tenants.
func (e *Engine) holders(ctx context.Context, id plan.ID, tenants []string) ([]store.TenantLock, error) {
	locks, err := e.locksOfTenants(ctx, tenants)
	if err != nil {
		return nil, err
	}
	v, err := e.judge(ctx, slices.DeleteFunc(locks, func(l store.TenantLock) bool { return l.Plan == id }))
	return v.held, err
}

func (e *Engine) locksOfTenants(ctx context.Context, tenants []string) (locks []store.TenantLock, err error) {
	err = e.client.Do(ctx, "locks", func() error {
		locks, err = e.store.Locks(ctx, tenants)
		return err
	})
	return locks, err
}

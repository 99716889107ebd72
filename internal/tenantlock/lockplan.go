package tenantlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Start is a start of a plan that was marked with the start's token.
type Start struct {
	Plan  plan.ID
	Token uint64
	// Actor is the person or service that starts the plan, Reason why.
	Actor, Reason string
	// Skipping reports that the mark says so: see [Manager.LockOrSkip].
	Skipping bool
	// Deadline is the time until which the start waits for other starts that are in its way.
	Deadline time.Time
}

// YieldError is the error of a start that gives way to the start of a plan with a smaller id.
type YieldError struct {
	// To is a lock of the other start.
	To store.TenantLock
}

func (e *YieldError) Error() string {
	return fmt.Sprintf("cutover: tenant %q is being taken by the start of plan %s", e.To.Tenant, e.To.Plan)
}

// LockPlan locks all tenants of a plan that was marked as starting, and renews the mark while it
// does. At the first tenant that another plan works on it stops and returns a
// *store.TenantHeldError. If two starts need the same tenants, the start with the smaller plan id
// keeps its locks and waits for the others, and the other start returns a *YieldError, so the two
// never wait for each other.
func (m *Manager) LockPlan(ctx context.Context, s Start) error {
	return m.underMark(ctx, s, func(alive context.Context) error {
		return m.eachPage(alive, s, func(locks []store.TenantLock) error { return m.lockPage(alive, locks, s.Deadline) })
	})
}

// eachPage calls f with the locks of a start on the tenants of its plan, page by page.
func (m *Manager) eachPage(ctx context.Context, s Start, f func(locks []store.TenantLock) error) error {
	return m.client.EachTenant(ctx, s.Plan, func(first int, tenants []string) error {
		locks := startLocks(s.Plan, s.Token, first, tenants)
		err := f(locks)
		if errors.Is(err, store.ErrNotFound) {
			// The plan is removed, so no cleaner will find these locks.
			err = errors.Join(err, eachBatch(ctx, locks, m.release))
		}
		return err
	})
}

// underMark calls f while it renews the mark of a start. If the mark can no longer be renewed, the
// context alive ends, and the error says why.
func (m *Manager) underMark(ctx context.Context, s Start, f func(alive context.Context) error) error {
	alive, stop := m.keepAlive(ctx, func(ctx context.Context) error { return m.renew(ctx, s) })
	defer stop()
	err := f(alive)
	if cause := context.Cause(alive); err != nil && cause != nil && ctx.Err() == nil {
		return cause
	}
	return err
}

// lockPage acquires the locks, several batches at a time. If other plans hold some, it returns a
// *store.TenantHeldError with those that are known, at most maxHoldersNamed.
func (m *Manager) lockPage(ctx context.Context, locks []store.TenantLock, deadline time.Time) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var held []store.TenantLock
	err := eachBatch(ctx, locks, func(ctx context.Context, batch []store.TenantLock) error {
		others, err := m.lockBatch(ctx, batch, deadline, false)
		if len(others) > 0 {
			mu.Lock()
			held = append(held, others...)
			mu.Unlock()
			stop() // the start has failed: the other batches need not go on
		}
		return err
	})
	if len(held) > 0 {
		return &store.TenantHeldError{Held: inOrder(locks, held)}
	}
	return err
}

// inOrder sorts the locks held by the order in which their tenants were requested, and cuts them to
// maxHoldersNamed.
func inOrder(asked, held []store.TenantLock) []store.TenantLock {
	place := make(map[string]int, len(asked))
	for i, l := range asked {
		place[l.Tenant] = i
	}
	slices.SortFunc(held, func(a, b store.TenantLock) int { return place[a.Tenant] - place[b.Tenant] })
	return held[:min(len(held), maxHoldersNamed)]
}

// lockBatch acquires locks for a start and returns the locks that other plans hold. It waits until
// the deadline for starts of plans with greater ids, which give way or end, and returns a
// *YieldError if the start of a plan with a smaller id is in the way. Unless it goes on, it returns
// as soon as some are held; otherwise all locks have been tried, and none of held is of a start
// that may yet be given up.
func (m *Manager) lockBatch(ctx context.Context, locks []store.TenantLock, deadline time.Time, goesOn bool) (held []store.TenantLock, err error) {
	for pause := firstWait; ; pause = min(2*pause, longestWait) {
		in, err := m.acquire(ctx, locks)
		held = append(held, in.held...)
		if err != nil || !goesOn && len(held) > 0 || len(in.starting) == 0 {
			return held, err
		}
		for _, l := range in.starting {
			if l.Plan < locks[0].Plan {
				return nil, &YieldError{To: l}
			}
		}
		if !time.Now().Before(deadline) {
			if goesOn {
				return nil, &store.TenantHeldError{Held: in.starting}
			}
			return in.starting, nil
		}
		if wait.For(ctx, pause); ctx.Err() != nil {
			return nil, ctx.Err()
		}
		locks = sameTenants(locks, in.starting)
	}
}

// AwaitStart waits until the start, the addition or the claim that took the lock of has ended.
// Returns a *store.TenantHeldError if the start has not ended by the deadline.
func (m *Manager) AwaitStart(ctx context.Context, of store.TenantLock, deadline time.Time) error {
	for pause := firstWait; ; pause = min(2*pause, longestWait) {
		p, err := m.client.Plan(ctx, of.Plan)
		if isOfClaim(of.Phase) && err == nil {
			now, problem := m.locksOf(ctx, []string{of.Tenant})
			if problem == nil && !slices.Contains(now, of) {
				return nil
			}
			err = problem
		}
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		case !underWay(p, of) && !ClaimUnderWay(of.Phase):
			return nil
		case !time.Now().Before(deadline):
			return &store.TenantHeldError{Held: []store.TenantLock{of}}
		}
		if wait.For(ctx, pause); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

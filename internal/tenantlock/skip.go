package tenantlock

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// heldAt is an ordinal whose tenant another plan works on, by the task by; 0 if that is not known.
type heldAt struct {
	ordinal int
	by      task.ID
}

// LockOrSkip is LockPlan for a plan that skips the tasks whose tenants other plans work on. It
// skips nothing before it has tried to lock every tenant: until then the start may be given up. If
// it would skip every pending task, it skips none and returns a *store.TenantHeldError.
//
// With the first skips the plan is marked as Skipping. From then on the locks of the start count as
// those of a plan that was started, nothing is locked for it any more, and any process finishes it:
// what has no lock of the start is skipped.
//
// Unlike LockPlan it gives way to other starts itself, and the plan stays marked meanwhile, so that
// the start is finished whenever this process dies. The mark then has another token, and so has s.
func (m *Manager) LockOrSkip(ctx context.Context, s *Start) error {
	for {
		err := m.underMark(ctx, *s, skipper{m, *s}.lock)
		yield := new(YieldError)
		if !errors.As(err, &yield) {
			return err
		}
		if err := m.giveWay(ctx, s, yield.To); err != nil {
			return err
		}
	}
}

// giveWay releases the locks of a start and waits for the end of the one that has taken the lock
// to. The other token makes locks stale that requests under way may still take.
func (m *Manager) giveWay(ctx context.Context, s *Start, to store.TenantLock) error {
	before := *s
	s.Token = NewToken()
	if err := m.mark(ctx, before, s.Token); err != nil {
		return err
	}
	err := m.eachPage(ctx, before, func(locks []store.TenantLock) error { return eachBatch(ctx, locks, m.release) })
	if err != nil {
		return err
	}
	return m.underMark(ctx, *s, func(alive context.Context) error { return m.AwaitStart(alive, to, s.Deadline) })
}

// skipper locks the tenants of a start that skips, as long as its mark is renewed.
type skipper struct {
	*Manager
	start Start
}

// lock locks and skips, or only skips if the start has begun to.
func (s skipper) lock(ctx context.Context) error {
	if s.start.Skipping {
		return s.client.EachTenant(ctx, s.start.Plan, func(first int, tenants []string) error {
			return s.skipUnlocked(ctx, startLocks(s.start.Plan, s.start.Token, first, tenants))
		})
	}
	all, err := s.tryAll(ctx)
	if err != nil {
		return err
	}
	return s.skip(ctx, all)
}

// tryAll locks the tenants of a plan, except those that other plans hold. It returns the pending
// tasks of these.
func (s skipper) tryAll(ctx context.Context) (all []heldAt, err error) {
	known := new(store.TenantHeldError)
	err = s.eachPage(ctx, s.start, func(locks []store.TenantLock) error {
		others, err := s.lockFreeOf(ctx, locks)
		if err != nil || len(others) == 0 {
			return err
		}
		held := heldOf(locks, others)
		tasks, err := s.pending(ctx, held)
		for i := range tasks {
			all = append(all, heldAt{tasks[i].ID.Ordinal(), tasks[i].By})
			if len(known.Held) < maxHoldersNamed {
				known.Held = append(known.Held, others[slices.IndexFunc(others, func(l store.TenantLock) bool {
					return l.Tenant == tasks[i].Tenant.ID
				})])
			}
		}
		return err
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	p, err := s.client.Plan(ctx, s.start.Plan)
	if err == nil && len(all) >= p.Counters.Of(task.Pending) {
		return nil, known
	}
	return all, err
}

// lockFreeOf acquires the locks, several batches at a time, and returns those that other plans
// hold. Its errors are those of lockBatch.
func (s skipper) lockFreeOf(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	var mu sync.Mutex
	err = eachBatch(ctx, locks, func(ctx context.Context, batch []store.TenantLock) error {
		others, err := s.lockBatch(ctx, batch, s.start.Deadline, true)
		mu.Lock()
		defer mu.Unlock()
		held = append(held, others...)
		return err
	})
	return held, err
}

// heldOf returns the ordinals of those of the locks whose tenants occur in others, in their order.
func heldOf(locks, others []store.TenantLock) (held []heldAt) {
	by := make(map[string]task.ID, len(others))
	for _, l := range others {
		by[l.Tenant] = task.NewID(l.Plan, l.Ordinal)
	}
	for _, l := range locks {
		if holder, is := by[l.Tenant]; is {
			held = append(held, heldAt{l.Ordinal, holder})
		}
	}
	return held
}

// pending returns those of the tasks that are pending: the others do not need their tenants.
func (s skipper) pending(ctx context.Context, held []heldAt) (tasks []plan.HeldTask, err error) {
	for batch := range slices.Chunk(held, store.MaxBatch) {
		ordinals, by := make([]int, len(batch)), make(map[int]task.ID, len(batch))
		for i, h := range batch {
			ordinals[i], by[h.ordinal] = h.ordinal, h.by
		}
		found, err := s.client.TasksAt(ctx, s.start.Plan, ordinals)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			if t.State == task.Pending {
				tasks = append(tasks, plan.HeldTask{Task: t, By: by[t.ID.Ordinal()]})
			}
		}
	}
	return tasks, nil
}

// skip skips tasks, as far as they are pending, batch by batch.
func (s skipper) skip(ctx context.Context, held []heldAt) error {
	for batch := range slices.Chunk(held, store.MaxBatch) {
		_, _, err := s.client.Decide(ctx, s.start.Plan, func(p plan.Plan) (plan.Decision, error) {
			if p.Starting == nil || p.Starting.Token != s.start.Token {
				return plan.Decision{}, startGivenUp(p)
			}
			tasks, err := s.pending(ctx, batch)
			if err != nil {
				return plan.Decision{}, err
			}
			return plan.SkipHeld(p, tasks, plan.By{Actor: s.start.Actor, Reason: s.start.Reason, Now: time.Now()})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// skipUnlocked skips the pending tasks of those of the locks that are not there. Under the mark of
// a start that skips, no lock of the start is released.
func (s skipper) skipUnlocked(ctx context.Context, locks []store.TenantLock) error {
	var held []heldAt
	for batch := range slices.Chunk(locks, store.MaxBatch) {
		tenants := make([]string, len(batch))
		for i := range batch {
			tenants[i] = batch[i].Tenant
		}
		present, err := s.locksOf(ctx, tenants)
		if err != nil {
			return err
		}
		now := make(map[string]store.TenantLock, len(present))
		for _, l := range present {
			now[l.Tenant] = l
		}
		for _, l := range batch {
			switch other, locked := now[l.Tenant]; {
			case !locked:
				held = append(held, heldAt{l.Ordinal, 0})
			case other != l:
				held = append(held, heldAt{l.Ordinal, task.NewID(other.Plan, other.Ordinal)})
			}
		}
	}
	return s.skip(ctx, held)
}

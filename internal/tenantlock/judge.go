package tenantlock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// verdict sorts locks by whether a plan needs them.
type verdict struct {
	// stale locks are not needed by any task: the plan is removed, is over or was not started with
	// the lock's start token, or the task does not need its tenant any more.
	stale []store.TenantLock
	// starting locks belong to starts, additions or claims under way.
	starting []store.TenantLock
	// held locks are needed by their tasks.
	held []store.TenantLock
}

// judge sorts the locks by whether they are needed. The locks must have been read before the call:
// a lock that judge finds stale then stays stale as long as it has exactly this value. Each plan is
// read once and its tasks in one call, whatever the number of locks.
func (m *Manager) judge(ctx context.Context, locks []store.TenantLock) (v verdict, err error) {
	for id, of := range byPlan(locks) {
		if err := m.judgePlan(ctx, id, of, &v); err != nil {
			l := of[0]
			return v, fmt.Errorf("tenant %q is held by plan %s, task %d of which cannot be looked at: %w", l.Tenant, id, l.Ordinal, err)
		}
	}
	return v, nil
}

// judgeOrSpare is judge, but takes the locks of plans that cannot be looked at for held. The error
// is that of the first of these plans.
func (m *Manager) judgeOrSpare(ctx context.Context, locks []store.TenantLock) (v verdict, err error) {
	for _, locks := range byPlan(locks) {
		of, problem := m.judge(ctx, locks)
		if problem != nil {
			of, err = verdict{held: locks}, cmp.Or(err, problem)
		}
		v.stale, v.starting, v.held = append(v.stale, of.stale...), append(v.starting, of.starting...), append(v.held, of.held...)
	}
	return v, err
}

// byPlan yields the locks of each plan, in ascending order of the plans' ids.
func byPlan(locks []store.TenantLock) iter.Seq2[plan.ID, []store.TenantLock] {
	return func(yield func(plan.ID, []store.TenantLock) bool) {
		of := make(map[plan.ID][]store.TenantLock)
		for _, l := range locks {
			of[l.Plan] = append(of[l.Plan], l)
		}
		for _, id := range slices.Sorted(maps.Keys(of)) {
			if !yield(id, of[id]) {
				return
			}
		}
	}
}

// judgePlan judges locks of one plan and adds them to v.
func (m *Manager) judgePlan(ctx context.Context, id plan.ID, locks []store.TenantLock, v *verdict) error {
	p, err := m.client.Plan(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		v.stale = append(v.stale, locks...)
		return nil
	}
	if err != nil {
		return err
	}
	var started []store.TenantLock // taken under the start that succeeded
	for _, l := range locks {
		switch now, err := m.startOf(ctx, &p, l); {
		case err != nil:
			return err
		case now == startUnderWay:
			v.starting = append(v.starting, l)
		case now == startOver:
			v.stale = append(v.stale, l)
		default:
			started = append(started, l)
		}
	}
	return m.judgeTasks(ctx, p, started, v)
}

// startState is what has become of the start under which a lock was taken.
type startState uint8

const (
	startUnderWay startState = iota
	startOver                // the start was given up, or its plan is over
	startSucceeded
)

// startOf reports what has become of the start of lock l, and gives the start up if it has shown no
// sign of life for its TTL and is not one that engines finish. p is the plan of the lock; startOf
// replaces it if it changes the plan.
func (m *Manager) startOf(ctx context.Context, p *plan.Plan, l store.TenantLock) (startState, error) {
	switch {
	case underWay(*p, l):
		return startUnderWay, nil
	case skipping(*p, l):
		return startSucceeded, nil // it cannot be given up any more
	}
	if ofAddition(*p, l) {
		// The addition may only be slow: once it is given up it cannot be completed any more.
		abandoned, _, err := m.abandonAddition(ctx, l.Plan, p.Adding.Token)
		if errors.Is(err, store.ErrNotFound) {
			return startOver, nil
		}
		if err != nil {
			return startOver, err
		}
		*p = abandoned
	}
	if ofStart(*p, l) {
		// The start may only be slow: without its mark it cannot start the plan any more.
		unmarked, err := m.AbandonStart(ctx, l.Plan, l.Start)
		if errors.Is(err, store.ErrNotFound) {
			return startOver, nil
		}
		if err != nil {
			return startOver, err
		}
		*p = unmarked
	}
	if ended(*p, l) {
		return startOver, nil
	}
	return startSucceeded, nil
}

// ended reports whether no task can need a lock any more, because the plan is over or the lock was
// taken under another start than the one that succeeded.
func ended(p plan.Plan, l store.TenantLock) bool { return p.Over() || p.StartToken != l.Start }

// ofStart reports whether a lock is one of the plan's start that is marked, ofAddition of its
// addition that is marked.
func ofStart(p plan.Plan, l store.TenantLock) bool {
	return p.Starting != nil && p.Starting.Token == l.Start
}

func ofAddition(p plan.Plan, l store.TenantLock) bool {
	return p.Adding != nil && isOfAddition(l.Phase) && l.Phase == phaseOfAddition(p.Adding.Token) && l.Start == p.StartToken
}

// underWay reports whether a lock is one of a start or an addition that may yet be completed: that
// shows signs of life, or that engines finish.
func underWay(p plan.Plan, l store.TenantLock) bool {
	if ofStart(p, l) {
		return !p.Starting.Skipping && (p.StartLeft() > 0 || p.Strategy.Conflict.FinishesStart())
	}
	return ofAddition(p, l) && p.Adding.Left(p.Idle) > 0
}

// skipping reports whether a lock is one of a start that has begun to skip tasks.
func skipping(p plan.Plan, l store.TenantLock) bool { return ofStart(p, l) && p.Starting.Skipping }

// judgeTasks judges locks of tasks of a plan that were taken under the start that succeeded, and
// adds them to v.
func (m *Manager) judgeTasks(ctx context.Context, p plan.Plan, locks []store.TenantLock, v *verdict) error {
	if len(locks) == 0 {
		return nil
	}
	ordinals := make([]int, len(locks))
	for i, l := range locks {
		ordinals[i] = l.Ordinal
	}
	tasks, err := m.client.TasksAt(ctx, p.ID, ordinals)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	needed := make(map[int]string, len(tasks)) // the tenants
	for _, t := range tasks {
		if needs(p, t) {
			needed[t.ID.Ordinal()] = t.Tenant.ID
		}
	}
	for _, l := range locks {
		// An addition that was given up may have locked another tenant for the same ordinal.
		tenant, is := needed[l.Ordinal]
		switch {
		case is && tenant == l.Tenant:
			v.held = append(v.held, l)
		case ClaimUnderWay(l.Phase):
			v.starting = append(v.starting, l)
		default:
			v.stale = append(v.stale, l)
		}
	}
	return nil
}

// ReleaseStale releases the stale locks that a plan has on the given tenants. At most
// store.MaxBatch tenants may be given. A lock that is damaged stays, and is reported.
func (m *Manager) ReleaseStale(ctx context.Context, id plan.ID, tenants []string) error {
	locks, _, problem, err := m.readable(ctx, tenants)
	if err != nil {
		return err
	}
	m.client.Fault("locks", problem)
	v, err := m.judge(ctx, slices.DeleteFunc(locks, func(l store.TenantLock) bool { return l.Plan != id }))
	if err != nil {
		return err
	}
	return m.release(ctx, v.stale)
}

package cutover

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// verdict says who needs each of some locks.
type verdict struct {
	// stale locks nobody needs: the plan is gone, over or never finished starting, or the
	// task is through with the tenant.
	stale []store.TenantLock
	// starting locks are those of starts under way.
	starting []store.TenantLock
	// held locks are needed.
	held []store.TenantLock
}

// judge tells who needs the locks. They were read before the call: what is found stale
// then stays stale as long as the lock has exactly this value. Plans and tasks are read
// together, whatever the number of locks.
func (e *Engine) judge(ctx context.Context, locks []store.TenantLock) (v verdict, err error) {
	byPlan := make(map[plan.ID][]store.TenantLock)
	for _, l := range locks {
		byPlan[l.Plan] = append(byPlan[l.Plan], l)
	}
	for _, id := range slices.Sorted(maps.Keys(byPlan)) {
		if err := e.judgePlan(ctx, id, byPlan[id], &v); err != nil {
			l := byPlan[id][0]
			return v, fmt.Errorf("tenant %q is held by plan %s, task %d of which cannot be looked at: %w", l.Tenant, id, l.Ordinal, err)
		}
	}
	return v, nil
}

// judgePlan judges locks of one plan.
func (e *Engine) judgePlan(ctx context.Context, id plan.ID, locks []store.TenantLock, v *verdict) error {
	p, err := e.client.Plan(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		v.stale = append(v.stale, locks...)
		return nil
	}
	if err != nil {
		return err
	}
	var started []store.TenantLock // by the start that succeeded
	for _, l := range locks {
		switch now, err := e.startOf(ctx, &p, l); {
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
	return e.judgeTasks(ctx, id, started, v)
}

// startState is what has become of the start under which a lock was taken.
type startState uint8

const (
	startUnderWay startState = iota
	startOver                // it was given up, or its plan is over
	startSucceeded
)

// startOf tells what has become of a lock's start, and gives it up if it has shown no
// sign of life for too long. p is then read anew.
func (e *Engine) startOf(ctx context.Context, p *plan.Plan, l store.TenantLock) (startState, error) {
	if p.Starting != nil && p.Starting.Token == l.Start {
		if p.StartLeft() > 0 {
			return startUnderWay, nil
		}
		// It may only be slow: without its mark it cannot start any more.
		unmarked, err := e.unmarkStart(ctx, l.Plan, l.Start)
		if errors.Is(err, store.ErrNotFound) {
			return startOver, nil
		}
		if err != nil {
			return startOver, err
		}
		*p = unmarked
	}
	if p.Over() || p.StartToken != l.Start {
		return startOver, nil
	}
	return startSucceeded, nil
}

// judgeTasks judges locks that tasks of a plan took under its start.
func (e *Engine) judgeTasks(ctx context.Context, id plan.ID, locks []store.TenantLock, v *verdict) error {
	if len(locks) == 0 {
		return nil
	}
	ordinals := make([]int, len(locks))
	for i, l := range locks {
		ordinals[i] = l.Ordinal
	}
	tasks, err := e.client.TasksAt(ctx, id, ordinals)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	needed := make(map[int]bool, len(tasks))
	for _, t := range tasks {
		needed[t.ID.Ordinal()] = !t.State.Releases() || t.Worker != ""
	}
	for _, l := range locks {
		if needed[l.Ordinal] {
			v.held = append(v.held, l)
		} else {
			v.stale = append(v.stale, l)
		}
	}
	return nil
}

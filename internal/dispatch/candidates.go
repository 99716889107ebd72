package dispatch

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/internal/worker"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// candidates are pending tasks that a step looks at together, in ascending order, with what they
// need: the ids of their tenants, and the quotas that bind them.
type candidates struct {
	ordinals []int
	tenants  []string
	bounds   [][]quota.Bound
	// end is the ordinal up to which no other task after the last step is pending. damaged reports
	// that some tasks could not be read, which may be.
	end     int
	damaged bool
}

// next finds the next pending tasks, at most store.MaxBatch, and what they need. Where the states
// cannot be read, it looks at the tasks one by one: one that is damaged keeps no other from
// beginning.
func (x *step) next(ctx context.Context) (candidates, error) {
	after := x.search.after
	states, err := x.opts.Client.States(ctx, x.plan.ID, after, min(store.MaxStates, x.last-after))
	if x.harmless("states", err) {
		ordinals := make([]int, min(store.MaxBatch, x.last-after))
		for i := range ordinals {
			ordinals[i] = after + i + 1
		}
		return x.readTasks(ctx, ordinals)
	}
	if err != nil {
		return candidates{}, err
	}
	var pending []int
	for i, state := range states {
		if state == task.Pending {
			pending = append(pending, after+i+1)
		}
	}
	if len(pending) == 0 {
		return candidates{end: after + max(1, len(states))}, nil
	}
	pending = near(pending)
	if len(x.plan.Strategy.Quotas) > 0 {
		return x.readTasks(ctx, pending)
	}
	of, err := x.readTenants(ctx, pending)
	if x.harmless("tenants", err) {
		return x.readTasks(ctx, pending)
	}
	return of, err
}

// readTasks finds out what pending tasks need. It leaves out those that are damaged, or not pending
// any more.
func (x *step) readTasks(ctx context.Context, ordinals []int) (of candidates, err error) {
	tasks, err := x.opts.Client.TasksAt(ctx, x.plan.ID, ordinals)
	if err != nil && !x.harmless("tasks", err) {
		return of, err
	}
	of.end, of.damaged = ordinals[len(ordinals)-1], len(tasks) < len(ordinals)
	for _, t := range tasks {
		if t.State == task.Pending {
			of.ordinals, of.tenants = append(of.ordinals, t.ID.Ordinal()), append(of.tenants, t.Tenant.ID)
			of.bounds = append(of.bounds, quota.Bounds(x.plan.Strategy.Quotas, t.Tenant.Labels))
		}
	}
	return of, nil
}

// readTenants finds out the tenants of pending tasks, of a plan without quotas.
func (x *step) readTenants(ctx context.Context, pending []int) (candidates, error) {
	first, end := pending[0], pending[len(pending)-1]
	of := candidates{ordinals: pending, tenants: make([]string, len(pending)), bounds: make([][]quota.Bound, len(pending)), end: end}
	all, err := x.opts.Client.Tenants(ctx, x.plan.ID, first-1, end-first+1)
	if err == nil && len(all) < end-first+1 {
		err = &store.CorruptError{Key: "plan " + x.plan.ID.String(), Reason: "tenants are missing"}
	}
	if err != nil {
		return of, err
	}
	for i, ordinal := range pending {
		of.tenants[i] = all[ordinal-first]
	}
	return of, nil
}

// harmless reports whether an error, which it reports, says that something is damaged: that must
// not affect the rest.
func (x *step) harmless(op string, err error) bool {
	damaged := errors.Is(err, store.ErrCorrupt)
	if damaged {
		x.opts.Client.Fault(op, err)
	}
	return damaged
}

// only returns those of the candidates, by their places, that pass.
func (of candidates) only(passes func(i int) bool) (some candidates) {
	for i, ordinal := range of.ordinals {
		if passes(i) {
			some.ordinals, some.tenants, some.bounds = append(some.ordinals, ordinal), append(some.tenants, of.tenants[i]), append(some.bounds, of.bounds[i])
		}
	}
	return some
}

// take takes for the candidates what they need, and chooses those that have got all of it.
func (x *step) take(ctx context.Context, of candidates) error {
	if err := x.rooms.count(ctx, of.bounds); err != nil {
		return err
	}
	of = of.only(func(i int) bool {
		fits := x.rooms.has(of.bounds[i])
		if fits && !x.plan.Waits() { // otherwise its tenant may be held
			x.rooms.take(of.bounds[i])
		}
		return fits
	})
	if len(of.ordinals) == 0 {
		return nil
	}
	var locks []store.TenantLock
	var problem error
	if x.plan.Waits() {
		locks, problem = x.lock(ctx, of)
		of = of.only(func(i int) bool {
			return slices.ContainsFunc(locks, func(l store.TenantLock) bool { return l.Ordinal == of.ordinals[i] })
		})
	}
	left := x.want - len(x.ordinals)
	of = of.only(func(i int) bool { return i < left })
	got, places, err := x.opts.Quotas.Take(ctx, worker.OwnerOf(x.plan), x.phase, of.ordinals, of.bounds)
	if x.plan.Waits() {
		for _, bounds := range of.bounds {
			x.rooms.take(bounds)
		}
	}
	var unused []store.TenantLock
	for _, l := range locks {
		if slices.Contains(got, l.Ordinal) {
			x.locks = append(x.locks, l)
		} else {
			unused = append(unused, l)
		}
	}
	x.ordinals, x.places = append(x.ordinals, got...), append(x.places, places...)
	return cmp.Or(err, x.opts.Locks.Unlock(ctx, unused), problem)
}

// lock locks free tenants of candidates, as many as are still wanted.
func (x *step) lock(ctx context.Context, of candidates) ([]store.TenantLock, error) {
	s, first, end := x.search, of.ordinals[0], of.ordinals[len(of.ordinals)-1]
	found, claiming, err := x.opts.Locks.LockFree(ctx, worker.OwnerOf(x.plan), x.phase, of.ordinals, of.tenants, x.want-len(x.ordinals), s.claiming)
	s.claiming = slices.DeleteFunc(s.claiming, func(l store.TenantLock) bool { return l.Ordinal >= first && l.Ordinal <= end })
	s.claiming = append(s.claiming, claiming...)
	return found, err
}

// near returns the first of the ordinals, at most store.MaxBatch, that one page of tenants covers.
func near(pending []int) []int {
	pending = pending[:min(len(pending), store.MaxBatch)]
	for i, ordinal := range pending {
		if ordinal-pending[0] >= store.MaxStates {
			return pending[:i]
		}
	}
	return pending
}

package reconcile

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// sweepPages is the maximum number of pages that one step of a sweep reads to find tasks that it
// changes. So a sweep that finds few is not slowed down by commits, and a step stays short.
const sweepPages = 10

// sweep carries out the next batch of a command on many tasks, at most most of them. The fewer they
// are, the rarer a worker changes one of them before the batch is committed.
func (r *Reconciler) sweep(ctx context.Context, p plan.Plan, most int) error {
	tasks, next, err := r.matching(ctx, p, most)
	if err != nil {
		return err
	}
	by := plan.By{Now: time.Now()}
	d := p.Sweep(tasks, next, func(task.ID) bool { return false }, by)
	if released := tenantlock.Relocked(tasks, d.Edits); len(released) > 0 {
		held, err := r.opts.Locks.Held(ctx, p, released)
		if err != nil {
			return err
		}
		d = p.Sweep(tasks, next, held, by)
	}
	_, err = r.apply(ctx, p, d)
	return err
}

// matching returns the next tasks that the plan's first sweep changes, in its order, and the place
// after which to continue, 0 if there are no more.
func (r *Reconciler) matching(ctx context.Context, p plan.Plan, most int) (tasks []task.Task, next int, err error) {
	s := &p.Sweeps[0]
	passed := s.After
	for range sweepPages {
		page, after, err := r.page(ctx, &p, passed)
		if err != nil || after == 0 {
			return tasks, 0, err
		}
		for i := range page {
			if !s.Matches(&p, &page[i]) {
				continue
			}
			if tasks = append(tasks, page[i]); len(tasks) == most {
				return tasks, s.Place(&p, page[i].ID.Ordinal()), nil
			}
		}
		passed = after
	}
	return tasks, passed, nil
}

// page reads the next tasks to which the plan's first sweep comes, in its order, if it has passed
// so many places. after is the last place of the page, 0 if there is none left.
func (r *Reconciler) page(ctx context.Context, p *plan.Plan, passed int) (page []task.Task, after int, err error) {
	s := &p.Sweeps[0]
	from, to, more := s.Ahead(p, passed, store.MaxBatch)
	if !more {
		return nil, 0, nil
	}
	q := store.TaskQuery{After: from, Until: to, States: s.States(), Limit: store.MaxBatch}
	page, next, err := r.opts.Client.Store.Tasks(ctx, p.ID, q)
	if err != nil {
		return nil, 0, err
	}
	if s.Kind == plan.SweepRollbackTasks { // it goes backwards, and the page has all of them
		slices.Reverse(page)
		return page, s.Place(p, from+1), nil
	}
	return page, cmp.Or(next, to), nil
}

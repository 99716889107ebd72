package reconcile

import (
	"context"
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

// matching returns the next tasks that the plan's first sweep changes, and the
// ordinal after which to continue, 0 if there are no more.
func (r *Reconciler) matching(ctx context.Context, p plan.Plan, most int) (tasks []task.Task, next int, err error) {
	s := &p.Sweeps[0]
	after := s.After
	for range sweepPages {
		from, to, more := s.Range(&p, after)
		if !more {
			return tasks, 0, nil
		}
		q := store.TaskQuery{After: from, Until: to, States: s.States(), Limit: store.MaxBatch}
		page, next, err := r.opts.Client.Store.Tasks(ctx, p.ID, q)
		if err != nil {
			return nil, 0, err
		}
		for i := range page {
			if !s.Matches(&p, &page[i]) {
				continue
			}
			if tasks = append(tasks, page[i]); len(tasks) == most {
				return tasks, page[i].ID.Ordinal(), nil
			}
		}
		if after = next; next == 0 {
			after = to
		}
	}
	return tasks, after, nil
}

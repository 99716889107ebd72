package cutover

import (
	"context"
	"iter"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// AllPlans yields the plans that q selects, the newest first, page by page; q.Limit is the size of
// a page. It leaves out plans that cannot be read and goes on with the next ones: it yields their
// error, with a zero plan, after the page that lacks them, and possibly again after pages near it.
// Any other error ends the walk.
func (e *Engine) AllPlans(ctx context.Context, q store.PlanQuery) iter.Seq2[plan.Plan, error] {
	return func(yield func(plan.Plan, error) bool) {
		for {
			page, err := e.Plans(ctx, q)
			for _, p := range page {
				if !yield(p, nil) {
					return
				}
				q.Before = p.ID
			}
			if err != nil && !yield(plan.Plan{}, err) || len(page) == 0 || q.Before == 1 {
				return
			}
		}
	}
}

// AllTasks yields the tasks of a plan that q selects by rising ordinal, page by page; q.Limit is
// the size of a page. Each page is read at its own time: tasks may change between two pages. An
// error ends the walk.
func (e *Engine) AllTasks(ctx context.Context, id plan.ID, q store.TaskQuery) iter.Seq2[task.Task, error] {
	return func(yield func(task.Task, error) bool) {
		for more := true; more; {
			page, next, err := e.Tasks(ctx, id, q)
			if err != nil {
				yield(task.Task{}, err)
				return
			}
			for _, t := range page {
				if !yield(t, nil) {
					return
				}
			}
			q.After, more = next, next != 0
		}
	}
}

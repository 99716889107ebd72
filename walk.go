package cutover

import (
	"context"
	"errors"
	"iter"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// AllPlans yields the plans that q selects, the newest first, page by page; q.Limit is the
// size of a page. Plans that cannot be read are left out, and the walk goes on with those
// behind them: the error is then yielded after the page that lacks them, with a zero plan.
// Any other error is the last thing that it yields.
func (e *Engine) AllPlans(ctx context.Context, q store.PlanQuery) iter.Seq2[plan.Plan, error] {
	return func(yield func(plan.Plan, error) bool) {
		for {
			page, err := e.Plans(ctx, q)
			if len(page) == 0 && q.Limit > 0 && q.Limit < store.MaxPage && (errors.Is(err, store.ErrCorrupt) || store.Temporary(err)) {
				q.Limit = store.MaxPage // to get past those that cannot be read
				continue
			}
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

// AllTasks yields the tasks of a plan that q selects by rising ordinal, page by page; q.Limit
// is the size of a page. Each page is a moment of its own: a task may change its state between
// two. An error is the last thing that it yields.
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

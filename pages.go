package cutover

import (
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// eachBatch calls f for the tasks of a plan in those states, all if none are
// named, at most store.MaxBatch at a time.
func (e *Engine) eachBatch(ctx context.Context, id plan.ID, states []task.State, f func([]task.Task) error) error {
	return e.eachOf(ctx, id, store.TaskQuery{States: states, Limit: store.MaxBatch}, f)
}

// eachPage calls f for all tasks of a plan, page by page, and reads the next page
// meanwhile.
func (e *Engine) eachPage(ctx context.Context, id plan.ID, f func([]task.Task) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan []task.Task)
	var reading, failed error // reading is set before pages is closed
	go func() {
		defer close(pages)
		reading = e.eachOf(ctx, id, store.TaskQuery{Limit: store.MaxPage}, func(tasks []task.Task) error {
			select {
			case pages <- tasks:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	for page := range pages { // to the end, so that the reader is gone
		if failed == nil {
			failed = f(page)
		}
		if failed != nil {
			cancel()
		}
	}
	if failed != nil {
		return failed
	}
	return reading
}

// eachOf calls f for what a query finds, page by page.
func (e *Engine) eachOf(ctx context.Context, id plan.ID, q store.TaskQuery, f func([]task.Task) error) error {
	for {
		var tasks []task.Task
		var next int
		err := e.command(ctx, "tasks", func() (err error) {
			tasks, next, err = e.store.Tasks(ctx, id, q)
			return err
		})
		if err != nil {
			return err
		}
		if len(tasks) > 0 {
			if err := f(tasks); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		q.After = next
	}
}

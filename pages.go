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
	pages, read := make(chan []task.Task), make(chan error, 1)
	go func() {
		defer close(pages)
		read <- e.eachOf(ctx, id, store.TaskQuery{Limit: store.MaxPage}, func(tasks []task.Task) error {
			select {
			case pages <- tasks:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	for page := range pages {
		if err := f(page); err != nil {
			cancel()
			<-read
			return err
		}
	}
	cancel()
	return <-read
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

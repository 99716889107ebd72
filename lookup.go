package cutover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Lookup finds out where work is done: see [Engine.Lookup].
type Lookup struct{ e *Engine }

// Lookup returns the queries that look for something over all plans and processes: where a tenant
// is, which tasks have a label, which processes there are, and what each of them holds. It reads
// nothing itself.
func (e *Engine) Lookup() Lookup { return Lookup{e} }

// Workers returns a page of the processes that work on tasks, in ascending order of their names:
// those that hold a lease, because Run is under way in them. What a process told when it joined,
// its capacity and executor types, comes from the store, and so does what it held when it last
// reported: at the latest a third of its LeaseTTL ago, and soon after a change.
//
// after is the name of the last worker of the page before; empty for the first page. limit is at
// most store.MaxPage, which is also the default. If some workers cannot be read, Workers returns
// the others, together with an error that matches store.ErrCorrupt or is store.Temporary.
func (l Lookup) Workers(ctx context.Context, after string, limit int) ([]store.Worker, error) {
	from := ""
	if after != "" {
		from = store.NameAfter(after)
	}
	return l.workers(ctx, from, limit)
}

// Overdue returns for how long the plan that has waited longest for an engine has been due, by the
// store's clock; 0 if no plan is due. While engines run that is a moment. If it grows, no engine
// looks after plans any more: none runs, or the store answers too slowly. A plan of which no engine
// that runs has the executor is not late.
func (l Lookup) Overdue(ctx context.Context) (late time.Duration, err error) {
	err = l.e.client.Do(ctx, "due", func() error {
		due, err := l.e.client.Store.Due(ctx, nil, 1)
		for _, p := range due {
			late = p.Late
		}
		return err
	})
	return late, err
}

func (l Lookup) workers(ctx context.Context, from string, limit int) (workers []store.Worker, err error) {
	var partly error
	err = l.e.client.Do(ctx, "workers", func() error {
		workers, partly = l.e.client.Store.Workers(ctx, from, limit)
		if len(workers) > 0 {
			return nil // do not retry: those that are missing may be unreachable for long
		}
		return partly
	})
	return workers, cmp.Or(err, partly)
}

// maxOfWorker is the maximum number of tasks that a look-up of one worker returns.
const maxOfWorker = store.MaxBatch

// Worker returns a process that works on tasks, by its name, and the tasks that it holds, plan by
// plan: at most 100 of them, of the plans that it named in its last report. Of these only the plans
// count that only accepts, each asked for once; nil accepts all. Returns store.ErrNotFound if there
// is no such worker. If some of its tasks cannot be read, Worker returns the others, together with
// an error that matches store.ErrCorrupt or is store.Temporary.
func (l Lookup) Worker(ctx context.Context, name string, only func(plan.ID) bool) (store.Worker, []task.Task, error) {
	found, err := l.workers(ctx, name, 1)
	if len(found) == 0 || found[0].Name != name {
		return store.Worker{}, nil, cmp.Or(err, fmt.Errorf("worker %.128q: %w", name, store.ErrNotFound))
	}
	var held []task.Task
	var partly error
	for _, id := range found[0].Plans {
		if only != nil && !only(id) {
			continue
		}
		tasks, err := l.held(ctx, id, name, maxOfWorker-len(held))
		held = append(held, tasks...)
		if ctx.Err() != nil {
			return store.Worker{}, nil, ctx.Err()
		}
		if !errors.Is(err, store.ErrNotFound) { // it was removed since
			partly = cmp.Or(partly, err)
		}
		if len(held) == maxOfWorker || store.Temporary(err) {
			break
		}
	}
	return found[0], held, partly
}

// held returns tasks of a plan that a worker holds, at most limit.
func (l Lookup) held(ctx context.Context, id plan.ID, name string, limit int) (tasks []task.Task, err error) {
	var holdings []store.Holding
	err = l.e.client.Do(ctx, "holdings", func() error {
		holdings, err = l.e.client.Store.Holdings(ctx, id, name)
		return err
	})
	if err != nil || len(holdings) == 0 {
		return nil, err
	}
	var ordinals []int
	for _, h := range holdings[:min(len(holdings), limit)] {
		ordinals = append(ordinals, h.Task.Ordinal())
	}
	all, err := l.e.client.TasksAt(ctx, id, ordinals)
	for _, t := range all {
		if t.Worker == name { // it may have ended since
			tasks = append(tasks, t)
		}
	}
	return tasks, err
}

package cutover

import (
	"cmp"
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Plan returns a plan as it is now. Returns store.ErrNotFound if there is no such plan.
func (e *Engine) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	return e.client.Plan(ctx, id)
}

// Plans returns a page of plans, the newest first. If some plans cannot be read it returns the
// others, together with an error that matches store.ErrCorrupt or is store.Temporary.
//
// Like all queries it refuses a negative position, and a limit that is negative or above its
// maximum, with a *store.InvalidError that names the argument. A limit of 0 means the maximum.
func (e *Engine) Plans(ctx context.Context, q store.PlanQuery) (plans []plan.Plan, err error) {
	var partly error
	err = e.client.Do(ctx, "plans", func() error {
		plans, partly = e.client.Store.Plans(ctx, q)
		if len(plans) > 0 {
			return nil // do not retry: those that are missing may be unreachable for long
		}
		return partly
	})
	return plans, cmp.Or(err, partly)
}

// Task returns a task as it is now. Returns store.ErrNotFound if there is no such task.
func (e *Engine) Task(ctx context.Context, id task.ID) (task.Task, error) {
	return e.client.Task(ctx, id)
}

// Tasks returns a page of a plan's tasks by rising ordinal. next is the After of the next page, or
// 0 if there is none.
func (e *Engine) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) (tasks []task.Task, next int, err error) {
	err = e.client.Do(ctx, "tasks", func() error {
		tasks, next, err = e.client.Store.Tasks(ctx, id, q)
		return err
	})
	return tasks, next, err
}

// States returns only the states, by rising ordinal, of up to limit tasks of a plan: those that
// follow the ordinal after. It costs a small part of what Tasks costs, and is meant for callers
// that draw or count all tasks of a large plan. limit is at most store.MaxStates, which is also the
// default; the result is shorter than the limit only at the end of the plan, and empty past it. To
// read all states:
//
//	for len(states) < p.TaskCount {
//		page, err := engine.States(ctx, p.ID, len(states), 0)
//		if err != nil {
//			return err
//		}
//		states = append(states, page...)
//	}
func (e *Engine) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	return e.client.States(ctx, id, after, limit)
}

// Tenants returns only the tenant ids of the tasks whose states [Engine.States] returns. The two
// together are enough to draw a large plan.
func (e *Engine) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	return e.client.Tenants(ctx, id, after, limit)
}

// Events returns up to limit events of a plan after a sequence number, oldest first. Returns
// store.ErrTrimmed if events after that number are not kept any more, and store.ErrEventsAhead if
// the number is beyond the newest event: the store has gone back in time.
func (e *Engine) Events(ctx context.Context, id plan.ID, after int64, limit int) (events []plan.Event, err error) {
	err = e.client.Do(ctx, "events", func() error {
		events, err = e.client.Store.Events(ctx, id, after, limit)
		return err
	})
	return events, err
}

// PlanEvents returns, like Events, up to limit events of a plan after a sequence number, but only
// events about the plan itself: its commands and transitions, with their actors and reasons. They
// have the same numbers as in Events, so the numbers have gaps. A store that keeps a bounded number
// of events drops only task events: PlanEvents reads the plan events from the creation on, even
// those that are older than the oldest event of Events. Returns store.ErrEventsAhead if the number
// is beyond the newest event.
func (e *Engine) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) (events []plan.Event, err error) {
	err = e.client.Do(ctx, "plan events", func() error {
		events, err = e.client.Store.PlanEvents(ctx, id, after, limit)
		return err
	})
	return events, err
}

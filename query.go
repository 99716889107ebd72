package cutover

import (
	"cmp"
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Plan returns a plan as it is now. store.ErrNotFound.
func (e *Engine) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	return e.client.Plan(ctx, id)
}

// Queries refuse a negative position and a limit that is negative or above its maximum:
// store.ErrInvalid, and the *store.InvalidError names the argument. A limit of 0 is the
// maximum.

// Plans returns a page of plans, the newest first. With store.ErrCorrupt, or an error that
// is store.Temporary, it returns those that can be read, too.
func (e *Engine) Plans(ctx context.Context, q store.PlanQuery) (plans []plan.Plan, err error) {
	var partly error
	err = e.client.Do(ctx, "plans", func() error {
		plans, partly = e.client.Store.Plans(ctx, q)
		if len(plans) > 0 {
			return nil // the others may be away for long
		}
		return partly
	})
	return plans, cmp.Or(err, partly)
}

// Task returns a task as it is now. store.ErrNotFound.
func (e *Engine) Task(ctx context.Context, id task.ID) (task.Task, error) {
	return e.client.Task(ctx, id)
}

// Tasks returns a page of a plan's tasks by rising ordinal, and the After of the
// next page, 0 if there is none.
func (e *Engine) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) (tasks []task.Task, next int, err error) {
	err = e.client.Do(ctx, "tasks", func() error {
		tasks, next, err = e.client.Store.Tasks(ctx, id, q)
		return err
	})
	return tasks, next, err
}

// States returns the states alone, by rising ordinal, of the limit tasks of a plan that
// follow the ordinal after: what Tasks would show at a small part of its cost, for those
// who draw or count all tasks of a large plan. limit is at most, and by default,
// store.MaxStates; there are fewer only at the end of the plan, and none past it. So all
// of them are:
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

// Tenants returns the ids of the tenants alone, of the same tasks as [Engine.States] does:
// together they are all that a picture of a large plan needs.
func (e *Engine) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	return e.client.Tenants(ctx, id, after, limit)
}

// Events returns up to limit events of a plan after a sequence number.
// store.ErrTrimmed if the log begins later, store.ErrEventsAhead if it ends before: the
// store has gone back in time.
func (e *Engine) Events(ctx context.Context, id plan.ID, after int64, limit int) (events []plan.Event, err error) {
	err = e.client.Do(ctx, "events", func() error {
		events, err = e.client.Store.Events(ctx, id, after, limit)
		return err
	})
	return events, err
}

// PlanEvents returns up to limit of those events alone that are about the plan itself: its
// commands and transitions, with their actors and reasons. Their numbers are those of
// Events, so there are gaps. A store that keeps a bounded number of events drops events
// of tasks only: what stands before the first event of Events can still be read here,
// from the creation on. store.ErrEventsAhead.
func (e *Engine) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) (events []plan.Event, err error) {
	err = e.client.Do(ctx, "plan events", func() error {
		events, err = e.client.Store.PlanEvents(ctx, id, after, limit)
		return err
	})
	return events, err
}

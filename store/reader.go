package store

import (
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Reader answers queries. It refuses a negative position, an ordinal beyond any plan's, and a limit
// that is negative or above its maximum, with an *InvalidError that names the argument; a limit of
// 0 means the maximum. The data of one plan or task is consistent; the pages of a query are read at
// different times.
type Reader interface {
	// Plan returns a plan. Returns ErrNotFound if there is no such plan.
	Plan(ctx context.Context, id plan.ID) (plan.Plan, error)
	// Plans returns plans in descending order of id. Plans that are damaged, or cannot be reached
	// for now, are left out; an error returned together with the others names them: it matches
	// ErrCorrupt, or is [Temporary]. Plans that are left out do not count toward the limit, so only
	// the last page has fewer plans than the limit.
	Plans(ctx context.Context, q PlanQuery) ([]plan.Plan, error)
	// Task returns a task. The pending tasks of a plan that cancels them are shown as CANCELLED.
	// Returns ErrNotFound if there is no such task.
	Task(ctx context.Context, id task.ID) (task.Task, error)
	// TasksAt returns the tasks of a plan with the given ordinals (at most MaxBatch), in the same
	// order. It ignores ordinals that the plan does not have. Damaged tasks are left out; an error
	// returned together with the others names them and matches ErrCorrupt. Returns ErrNotFound if
	// there is no such plan.
	TasksAt(ctx context.Context, id plan.ID, ordinals []int) ([]task.Task, error)
	// Tasks returns tasks of a plan in ascending order of ordinal. next is the After of the next
	// page, or 0 if there is none. A page may be empty although further pages are not, because the
	// work per call is bounded.
	Tasks(ctx context.Context, id plan.ID, q TaskQuery) (tasks []task.Task, next int, err error)
	// States returns only the states of up to limit tasks, in ascending order of ordinal, beginning
	// with the task that follows the ordinal after. states[i] is the state that Task would show of
	// task after+1+i. limit is at most MaxStates, which is also the default; the result is shorter
	// than the limit only at the end of the plan, and empty past it. Returns ErrNotFound if there
	// is no such plan.
	States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error)
	// Tenants returns only the tenant ids of the same tasks as States, in the same order.
	Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error)
	// Appended returns, like Tenants, the ids of the tenants that AppendTenants has stored for the
	// addition under way, or for the last one if it was given up, beginning with the one that
	// follows the ordinal after.
	Appended(ctx context.Context, id plan.ID, after, limit int) ([]string, error)
	// Events returns up to limit events after a sequence number, oldest first. At the end of the
	// log, after the newest event, it returns none. Returns ErrTrimmed if events after that number
	// are not kept any more, and ErrEventsAhead if the number is beyond the newest event: the store
	// has gone back in time.
	Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error)
	// PlanEvents returns up to limit events after a sequence number, oldest first, like Events, but
	// only those about the plan itself, whose Task is 0: its commands and transitions, from its
	// creation on. They are numbered as in the log of all events, so there are gaps. They are never
	// trimmed: a store that keeps a bounded number of events drops only task events. Returns
	// ErrEventsAhead if the number is beyond the newest event.
	PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error)
}

// PlanQuery selects plans.
type PlanQuery struct {
	// Before is the id below which to start; 0 starts at the newest plan.
	Before plan.ID
	// States, if not empty, selects plans in these states.
	States []plan.State
	// Limit is the maximum size of the page. It is at most MaxPage, which is also the default.
	Limit int
}

// TaskQuery selects tasks.
type TaskQuery struct {
	// After is the ordinal after which to start, Until the last one to look at; 0 looks up to the
	// end of the plan.
	After, Until int
	// States, if not empty, selects tasks in these states.
	States []task.State
	// Unheld selects only tasks in flight that no worker holds.
	Unheld bool
	// Limit is as in PlanQuery.
	Limit int
}

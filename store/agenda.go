package store

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
)

// Agenda lists the plans that need an engine. A plan is due at two times: for every engine, because
// of what it owes, such as the end of a bake, a deadline, or tasks of a worker that may be lost;
// and, while it has tasks to claim, for the engines that have its executor.
type Agenda interface {
	// Due returns up to limit plans that are due for an engine with these executor types, the plans
	// that have waited longest first: those that are due for every engine, and those that the last
	// Reschedule left to one of the types. Apply and FinishCreate make a plan due for every engine
	// at once, and so does a commit that leaves a task for another worker, see [Batch.Yields];
	// BeginCreate makes a creation due when its TTL is over. Other commits do not: an engine
	// reconciles a plan with tasks in flight after a bounded time anyway. The same bound applies if
	// a process dies just after it has yielded a task.
	Due(ctx context.Context, executors []string, limit int) ([]DuePlan, error)
	// Reschedule says when a plan is due again. It does nothing if the plan was put on the agenda
	// again since Due returned stamp.
	Reschedule(ctx context.Context, id plan.ID, stamp uint64, next Next) error
	// Remind makes each of the plans (at most MaxBatch) due at the latest when its duration has
	// passed. Plans that are due sooner stay due, with a new stamp. A later Reschedule does not put
	// a plan off past its reminder, or, after a command, a few seconds past it. Remind does nothing
	// for creations and for plans that do not exist.
	Remind(ctx context.Context, plans map[plan.ID]time.Duration) error
	// Listen calls hint, until ctx ends, for every plan that may have changed. Hints can be lost,
	// repeated and late. hint must not block.
	Listen(ctx context.Context, hint func(Hint)) error
}

// Next says when a plan is due again.
type Next struct {
	// After is how much later the plan is due for every engine; if it is negative, that is at the
	// next command.
	After time.Duration
	// Executor is the plan's executor type if it has tasks to claim. The plan then is due at once,
	// behind all others that are, for the engines that have the type, until the next Reschedule. It
	// is empty otherwise.
	Executor string
}

// Hint says that a plan may have changed. A commit of workers that writes events gives one, but a
// store may leave out hints that have OnlyEvents while it has given one for the same plan within
// the last HintPause.
type Hint struct {
	Plan plan.ID
	// OnlyEvents reports that only those who watch the plan have to look at it: tasks of it have
	// changed, and it is neither at rest nor in need of a step.
	OnlyEvents bool
}

// HintPause is for how long after a hint another one with OnlyEvents may be left out.
const HintPause = 100 * time.Millisecond

// DuePlan is an entry of the agenda.
type DuePlan struct {
	ID plan.ID
	// Stamp changes whenever the plan is put on the agenda.
	Stamp uint64
	// Creating reports that the entry is a creation whose TTL is over and which has to be removed.
	Creating bool
	// Late is for how long the plan has been due for the engine that asks, by the store's clock:
	// never negative, and 0 if it is not due.
	Late time.Duration
}

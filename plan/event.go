package plan

import (
	"time"

	"github.com/cutover-go/cutover/task"
)

// Event is one entry of a plan's log. The sequence numbers of a plan have no
// gaps; the log is written in the same atomic step as what it tells of.
type Event struct {
	// Seq counts from 1 within the plan.
	Seq  int64
	At   time.Time
	Plan ID
	// Task is the task that the event is about, 0 if it is about the plan.
	Task task.ID
	// Tenant is the task's tenant; filled in when the event is read.
	Tenant string
	// Cause is the text of the [Cause] or [task.Cause].
	Cause string
	// From and To are the states before and after, as their String methods write
	// them: the task's if there is one, otherwise the plan's. They are the same for
	// a command that has not changed the state yet, for instance a pause asked of
	// a task whose worker still runs it. From is empty at creation.
	From, To string
	// Attempt is the task's attempt.
	Attempt int
	// Actor and Reason are those of the command; empty for what an engine did.
	Actor, Reason string
	// Failure is what went wrong, on a task's way to FAILED or ROLLBACK_FAILED.
	Failure *task.FailureInfo
	// AtRest says that nothing happens after this event without a command.
	AtRest bool
}

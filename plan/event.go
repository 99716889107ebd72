package plan

import (
	"time"

	"github.com/cutover-go/cutover/task"
)

// Event is one entry of a plan's log. The sequence numbers of a plan have no gaps; an event is
// written in the same atomic step as the change that it records.
type Event struct {
	// Seq counts from 1 within the plan.
	Seq  int64
	At   time.Time
	Plan ID
	// Task is the task that the event is about, 0 if it is about the plan.
	Task task.ID
	// Tenant is the task's tenant; filled in when the event is read.
	Tenant string
	// Cause is the name of the [Cause] or [task.Cause].
	Cause string
	// From and To are the states before and after, as their String methods write them: of the task
	// if Task is set, otherwise of the plan. They are equal if a command has not changed the state
	// yet, for instance a pause of a task that its worker still runs. From is empty at creation.
	From, To string
	// Wave is the number of the wave that the event is about, from 1; 0 if it is about none.
	Wave int
	// Added is the number of tenants that the event adds to the plan; 0 if it adds none.
	Added int
	// Attempt is the task's attempt.
	Attempt int
	// Actor and Reason are those of the command; empty for what an engine did by itself.
	Actor, Reason string
	// Failure is the failure of the task; only if it became FAILED or ROLLBACK_FAILED.
	Failure *task.FailureInfo
	// AtRest reports that nothing happens to the plan after this event without a command.
	AtRest bool
}

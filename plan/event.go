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
	// Filter says which tasks a command is about that was given for the tasks that a filter
	// selects, as its String method does; empty for every other event.
	Filter string
	// Attempt is the task's attempt.
	Attempt int
	// Actor is who gave the command; empty for what the plan or an engine did by itself.
	Actor string
	// Reason is the command's. Of what nobody commanded, a breach has the numbers and the wave, and
	// the opening of a wave that is passed over says so; otherwise it is empty.
	Reason string
	// StayStopped reports that a retry makes the task run although its plan is stopped.
	StayStopped bool
	// Failure is the failure of the task, if it became FAILED or ROLLBACK_FAILED, or is about to be
	// tried again without a command (cause retry, no actor). If it was SKIPPED because another plan
	// works on its tenant, Failure says which.
	Failure *task.FailureInfo
	// AtRest reports that nothing happens to the plan after this event without a command.
	AtRest bool
}

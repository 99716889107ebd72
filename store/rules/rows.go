package rules

import "github.com/cutover-go/cutover/task"

// Rows is what the rules ask of a store about the tasks and claims of one plan. They call it at
// most four times for each change, and for each pending task that is claimed; queues that are empty
// by the plan's counters are not asked.
//
// A store in memory answers from what it has. One that reads from a database reads what [Needs]
// says, before the step, into [Loaded].
type Rows interface {
	// Task returns a task of the plan, which the rules change in place, or nil if it is lost.
	Task(ordinal uint32) *Task
	// Next returns the first task of a queue. For Pending and Undoable, which are positions of
	// tasks and not lists, it is the first one from a position on, up to and with the position
	// until: see there.
	//
	// It returns 0 and true if there is none. If known is false, what follows was not loaded. Then
	// first is the last position that was, 0 if it is none: from there back nothing was found.
	Next(q Queue, from, until uint32) (first uint32, known bool)
	// Changed is called after each change of a task with the place where the task was before. Its
	// place now is t.Place(). Usually both are the same.
	Changed(ordinal uint32, t *Task, from Place)
	// Log appends an event to the plan's log.
	Log(e Event)

	// Claim returns the number of a claim, if the plan remembers it. A plan remembers at least the
	// claims that hold tasks and the [KeptClaims] latest that hold none.
	Claim(id string) (number uint32, known bool)
	// Open returns the number of a new claim, which is assigned a task in the same step.
	Open(id, worker string) (number uint32)
	// Held appends the ordinals of the tasks that a claim holds, in the order in which it was
	// assigned them.
	Held(number uint32, to []uint32) []uint32
	// Worker returns the worker of a claim that holds a task.
	Worker(number uint32) string
}

// KeptClaims is the number of claims without tasks that a plan remembers, so that one that arrives
// a second time, and late, is not assigned other tasks.
const KeptClaims = 64

// Queue is an order in which tasks are claimed.
type Queue uint8

// The queues. The first seven have the tasks in flight that no worker holds, as Task.Place says.
const (
	// Exempt: RUNNING and not Waiting, with an ExemptRequest, by ordinal.
	Exempt Queue = iota + 1
	// Running: as Exempt, without a request.
	Running
	// Starting: as Exempt, with a StartRequest.
	Starting
	// Undoing: ROLLING_BACK and not Waiting, by ordinal, the last first.
	Undoing
	// Waiting: RUNNING and Waiting, without an ExemptRequest, by the end of the wait and then by
	// ordinal.
	Waiting
	// WaitingExempt: as Waiting, with an ExemptRequest.
	WaitingExempt
	// WaitingUndos: ROLLING_BACK and Waiting, by the end of the wait and then by ordinal.
	WaitingUndos

	// Pending: the tasks that are PENDING. A position is an ordinal; they are walked upwards.
	Pending
	// Undoable: the tasks that are task.Control.Undoable. A position is an ordinal or, in a
	// sequential plan, the Released of a task; they are walked downwards. Of tasks that share a
	// position, any may be the first.
	Undoable

	// NumQueues is the number of queues, and of values of Queue below it.
	NumQueues = int(Undoable) + 1
)

// Event is an event that a commit writes: task.Control changes of one task.
type Event struct {
	At               Stamp
	Ordinal, Attempt uint32
	Cause            task.Cause
	From, To         task.State
	// Failure is shared with the task, and never changed in place.
	Failure *task.FailureInfo
}

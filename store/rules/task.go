package rules

import (
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/task"
)

// Task is a task as a store keeps it. A plan of a million tasks in memory has a million of them, so
// the fields are narrow, and data that few tasks have is in More.
type Task struct {
	Tenant string
	More   *More  // nil if there is none
	Step   string // step of the checkpoint; empty if there is none
	Data   []byte // data of the checkpoint, as it was passed

	Token task.Token // token of the last claim
	// LastToken and LastSeq are those of the last change by a worker: its repeat is recognized.
	LastToken               task.Token
	Started, Updated, Ended Stamp
	Elapsed                 time.Duration

	LastSeq uint32
	Version uint32
	Claim   uint32 // number of the claim that holds the task, 0 if none does
	// Index is for the store, for instance the task's place in a list. The rules leave it alone.
	Index uint32
	// Released is the value of Marks.Releases when the task's last hold ended: its turn in the undo
	// of a sequential plan.
	Released uint32
	Attempt  uint32
	Losses   uint32

	State              task.State
	Request            task.Request
	PausedIndividually bool
	Waiting            bool // as in task.Task
}

// More is the data that few tasks have.
type More struct {
	Labels, Parameters map[string]string // of the tenant; the rules leave them alone
	Undo               checkpoint.UndoLog
	// Failure is never changed in place, so events may share it.
	Failure *task.FailureInfo
	// Attempts are replaced as a whole, never changed in place.
	Attempts []task.Attempt
	Retried  time.Time
	Wait     Wait
}

// Wait is a task.Wait.
type Wait struct {
	Why   task.WaitReason
	Until Stamp
}

// Place says where a task is: held under a claim, in a queue, or neither.
type Place struct {
	Claim uint32
	Queue Queue
}

// Place returns where the task is.
func (t *Task) Place() Place {
	if t.Claim != 0 || !t.State.InFlight() {
		return Place{Claim: t.Claim}
	}
	return Place{Queue: t.queue()}
}

// queue returns the queue of a task in flight without a worker.
func (t *Task) queue() Queue {
	undo, exempt := t.State == task.RollingBack, t.Request == task.ExemptRequest
	switch {
	case t.Waiting && undo:
		return WaitingUndos
	case t.Waiting && exempt:
		return WaitingExempt
	case t.Waiting:
		return Waiting
	case undo:
		return Undoing
	case exempt:
		return Exempt
	case t.Request == task.StartRequest:
		return Starting
	}
	return Running
}

package task

import (
	"time"

	"github.com/cutover-go/cutover/checkpoint"
)

// Task is the work for one tenant of one plan.
type Task struct {
	ID     ID
	Tenant Tenant
	Control

	// Version is raised by every claim, command and change of state. A command
	// names the version that it was decided on.
	Version uint64
	// Token is the last claim's fencing token, 0 before the first.
	Token Token
	// Worker is the process incarnation that holds the task, empty if none does.
	// Invariant: Worker != "" only if State.InFlight().
	Worker string

	// Checkpoint is what the executor saved last; nil if nothing, or cleared.
	Checkpoint *checkpoint.Checkpoint
	// Undo is what the executor recorded before its effects.
	Undo checkpoint.UndoLog

	// StartedAt is the first claim, UpdatedAt the last change, EndedAt the last
	// time that the task ended; zero if it has not come to that. All three are
	// read from the store's clock.
	StartedAt, UpdatedAt, EndedAt time.Time
}

// Control is the part of a task that commands decide on and change.
type Control struct {
	State State
	// Attempt counts from 1 at the first claim and rises by retry only.
	Attempt int
	// Request is asked of this task alone and has not taken effect yet.
	Request Request
	// PausedIndividually says of a task in [Paused] that a person paused it by itself.
	// The plan's resume wakes only those that the plan's own pause stopped.
	PausedIndividually bool
	// Losses counts the workers that were lost since the last saved checkpoint.
	Losses int
	// Failure is the last failure; cleared by a retry, by success and by skip.
	Failure *FailureInfo
	// RetriedAt is when the last retry was asked for; zero before the first.
	RetriedAt time.Time
}

// Request is a pause or cancel of one task while its worker still runs it.
type Request uint8

// The requests, the stronger one greater.
const (
	NoRequest Request = iota
	PauseRequest
	CancelRequest
)

func (r Request) String() string {
	switch r {
	case PauseRequest:
		return "pause"
	case CancelRequest:
		return "cancel"
	case NoRequest:
	}
	return "none"
}

// Stop is what a worker is told when it saves, and with its heartbeat: whether
// the task is to stop at this boundary, and what it becomes then. Ordered by
// strength: the strongest that is in force counts.
type Stop uint8

// The reasons to stop.
const (
	// Go: nothing is in force.
	Go Stop = iota
	// StopPause: the task becomes PAUSED.
	StopPause
	// StopCancel: the task becomes CANCELLED, or, while it is being rolled back,
	// ROLLBACK_FAILED.
	StopCancel
)

func (s Stop) String() string {
	switch s {
	case StopPause:
		return "pause"
	case StopCancel:
		return "cancel"
	case Go:
	}
	return "go"
}

// StopFor returns what is in force for a running task: the stronger of its
// plan's control and the request made of the task alone.
func (c Control) StopFor(plan Stop) Stop {
	return max(plan, Stop(c.Request))
}

// Undoable reports whether a plan's rollback has to undo a task like this.
func (c Control) Undoable() bool {
	if c.Attempt < 1 {
		return false
	}
	_, ok := c.State.Next(ByRollback)
	return ok
}

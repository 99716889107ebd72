package task

import (
	"fmt"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
)

// Task is the work on one tenant of one plan.
type Task struct {
	ID     ID
	Tenant Tenant
	Control

	// Version is raised by every claim, command and change of state. A command's write names the
	// version from which the command was decided, and is refused if the task has another by then.
	Version uint64
	// Token is the last claim's fencing token, 0 before the first.
	Token Token
	// Worker is the process incarnation that holds the task, empty if none does.
	// Invariant: Worker != "" only if State.InFlight().
	Worker string
	// Waiting reports that no worker holds the task, but that it keeps its slot of the plan's
	// concurrency until a worker claims it, after Wait.Until.
	// Invariant: Waiting only if State.InFlight() and Worker == "".
	Waiting bool

	// Checkpoint is the checkpoint that the executor saved last; nil if there is none, or if it was
	// cleared.
	Checkpoint *checkpoint.Checkpoint
	// Undo holds what the executor recorded before its effects, to undo them.
	Undo checkpoint.UndoLog
	// Attempts are the attempts and undos that ended with a failure, the oldest first, at most
	// [MaxAttempts]; nil if there are none. Nothing clears them. The rest of the last attempt's
	// failure is in Failure, as long as that is kept.
	Attempts []Attempt

	// StartedAt is the time of the first claim, UpdatedAt of the last change, EndedAt of the task's
	// last end; zero if there was none. All three are by the store's clock.
	StartedAt, UpdatedAt, EndedAt time.Time
}

// Control is the part of a task from which commands are decided, and which they change.
type Control struct {
	State State
	// Attempt is 0 until the first claim and 1 from then on. Only retries raise it further.
	Attempt int
	// Request is what a command asked of this task alone, as long as it matters.
	// Invariant: NoRequest unless State is [Running].
	Request Request
	// PausedIndividually reports that this task itself was paused, whether or not its plan was
	// paused too. The plan's resume leaves such a task paused.
	PausedIndividually bool
	// Losses counts the workers lost since the last saved checkpoint, retry or rollback.
	Losses int
	// Failure is the last failure. It is kept during the attempts that begin without a command, and
	// during the waits before them; success, a skip, and the retry of a task that had stopped clear
	// it. A task that was skipped because another plan works on its tenant has a failure that says
	// so, with [CodeTenantHeld].
	Failure *FailureInfo
	// RetriedAt is when the last retry was requested by a command; zero before the first.
	RetriedAt time.Time
	// Wait is the last wait that the task was deferred for. It is kept while a worker runs the task
	// again, and while the task is paused; a retry, a rollback and the end of the task clear it.
	Wait Wait
	// Elapsed is how long workers have run the present attempt, or the present undo, as far as they
	// reported it; in whole milliseconds. Waits and pauses do not count.
	Elapsed time.Duration
}

// Request is what a command asked of one running task.
type Request uint8

// The requests.
const (
	NoRequest Request = iota
	// PauseRequest and CancelRequest: the task is to stop, and its worker still runs it.
	PauseRequest
	CancelRequest
	// ExemptRequest: the task runs although its plan is stopped. It lasts until the task is not
	// RUNNING any more, through waits and changes of the worker.
	ExemptRequest
	// StartRequest: a retry, or the resume of the plan or of many tasks, made the task RUNNING, and
	// no worker has taken it since. If the plan stops first, the task does not start.
	StartRequest
)

// Stop returns the stop that r puts in force.
func (r Request) Stop() Stop {
	switch r {
	case PauseRequest:
		return StopPause
	case CancelRequest:
		return StopCancel
	case NoRequest, ExemptRequest, StartRequest:
	}
	return Go
}

func (r Request) String() string {
	if int(r) < len(requestNames) {
		return requestNames[r]
	}
	return fmt.Sprintf("Request(%d)", uint8(r))
}

// Stop tells a worker whether its task is to stop at a boundary, and which state the task then
// takes. A worker learns it from each save, and between saves from the heartbeat of its process.
// Values are ordered by strength: the strongest one in force counts.
type Stop uint8

// The reasons to stop.
const (
	// Go: no stop is in force.
	Go Stop = iota
	// StopPause: the task becomes PAUSED.
	StopPause
	// StopCancel: the task becomes CANCELLED, or, while it is being rolled back,
	// ROLLBACK_FAILED.
	StopCancel
)

func (s Stop) String() string {
	if int(s) < len(stopNames) {
		return stopNames[s]
	}
	return fmt.Sprintf("Stop(%d)", uint8(s))
}

// StopFor returns the stop in force for a running task: the stronger of the stop of its plan and
// the request for the task alone. The pause of its plan does not stop a task that is exempt.
func (c Control) StopFor(plan Stop) Stop {
	if plan == StopPause && c.Request == ExemptRequest {
		return Go
	}
	return max(plan, c.Request.Stop())
}

// Undoable reports whether a plan's rollback has to undo a task in this condition.
func (c Control) Undoable() bool {
	if c.Attempt < 1 {
		return false
	}
	_, ok := c.State.Next(ByRollback)
	return ok
}

package task

import (
	"fmt"

	"github.com/cutover-go/cutover/internal/textform"
)

// State is the state of a task.
type State uint8

// The states. [Transitions] lists the ways between them.
const (
	// Pending: nothing has happened yet; the task waits for its plan's grant.
	Pending State = iota
	// Running: the work is under way, or waits for a worker to claim it.
	Running
	// Paused: stopped at a boundary by a pause of the plan or of the task.
	Paused
	// Completed: the executor returned nil.
	Completed
	// Failed: the task waits for a command to retry, skip, cancel or roll it back.
	Failed
	// Skipped: a command decided that the work is not to be done.
	Skipped
	// Canceled: stopped, perhaps half done; the task does not continue, but can be rolled back.
	Canceled
	// RollingBack: the undo is under way, or waits for a worker to claim it.
	RollingBack
	// RolledBack: the undo is done.
	RolledBack
	// RollbackFailed: the undo failed; the task waits for a command.
	RollbackFailed

	// NumStates is the number of states.
	NumStates = int(RollbackFailed) + 1
)

//nolint:gochecknoglobals // a constant table
var stateNames = [NumStates]string{
	"PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED",
	"SKIPPED", "CANCELLED", "ROLLING_BACK", "ROLLED_BACK", "ROLLBACK_FAILED",
}

func (s State) String() string {
	if int(s) < NumStates {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// ParseState reads a state as String writes it. The error is a [*TextError].
func ParseState(name string) (State, error) {
	return textform.Parse[State](kindState, stateNames[:], name)
}

// InFlight reports whether s is [Running] or [RollingBack].
func (s State) InFlight() bool { return s == Running || s == RollingBack }

// Ended reports whether the work or the undo of a task in s has ended, so that the task moves on
// only by a command.
func (s State) Ended() bool {
	switch s {
	case Completed, Failed, Skipped, Canceled, RolledBack, RollbackFailed:
		return true
	case Pending, Running, Paused, RollingBack:
	}
	return false
}

// Releases reports whether a task that reaches s releases its tenant.
func (s State) Releases() bool {
	switch s {
	case Completed, Skipped, Canceled, RolledBack:
		return true
	case Pending, Running, Paused, Failed, RollingBack, RollbackFailed:
	}
	return false
}

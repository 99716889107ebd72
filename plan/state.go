package plan

import (
	"fmt"

	"github.com/cutover-go/cutover/internal/textform"
	"github.com/cutover-go/cutover/task"
)

// State is the state of a plan. It governs all tasks of the plan.
type State uint8

// The states. [Transitions] lists the ways between them.
const (
	// Created: the plan is complete; nothing of it runs before it is started.
	Created State = iota
	// Running: tasks are claimed as the grant allows.
	Running
	// Paused: no task starts, and running tasks stop at their next boundary. Undos go on.
	Paused
	// Failed: no task starts, and what workers have begun runs to its end.
	Failed
	// Completed: every task ended within the tolerance.
	Completed
	// Canceled: pending tasks are canceled, and tasks in flight stop.
	Canceled
	// RollingBack: first acts like a cancel, then undoes what has run.
	RollingBack
	// RolledBack: everything that ran is undone.
	RolledBack
	// RollbackFailed: some undo failed or was stopped; the plan waits for a command.
	RollbackFailed

	// NumStates is the number of states.
	NumStates = int(RollbackFailed) + 1
)

//nolint:gochecknoglobals // a constant table
var stateNames = [NumStates]string{
	"CREATED", "RUNNING", "PAUSED", "FAILED", "COMPLETED",
	"CANCELLED", "ROLLING_BACK", "ROLLED_BACK", "ROLLBACK_FAILED",
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

// Stop returns the stop that a plan in s puts in force for its running tasks.
func (s State) Stop() task.Stop {
	switch s {
	case Paused:
		return task.StopPause
	case Canceled, RollingBack, RolledBack, RollbackFailed:
		return task.StopCancel
	case Created, Running, Failed, Completed:
	}
	return task.Go
}

// ClaimsRunning reports whether running tasks without a worker are claimed, unless they were asked
// for something: see [Control.Claims].
func (s State) ClaimsRunning() bool { return s == Running || s == Failed }

// claimsExempt reports whether running tasks that are exempt are claimed.
func (s State) claimsExempt() bool { return s == Running || s == Paused || s == Failed }

// CancelsPending reports whether pending tasks of a plan in s count as canceled.
func (s State) CancelsPending() bool { return s.Stop() == task.StopCancel }

// final reports whether a plan in s may be removed when it is at rest.
func (s State) final() bool {
	switch s {
	case Completed, Canceled, RolledBack:
		return true
	case Created, Running, Paused, Failed, RollingBack, RollbackFailed:
	}
	return false
}

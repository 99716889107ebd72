package task

import "fmt"

// Cause is why a task changes its state.
type Cause uint8

// The causes. Their text is what events and documentation show.
const (
	// ByClaim: a worker took the task under the plan's grant.
	ByClaim Cause = iota
	// BySkip: a person decided that it is not to be done.
	BySkip
	// ByCancel: a person, or the plan's cancel or rollback, ended it.
	ByCancel
	// ByPause: a person, or the plan's pause, stopped it at a boundary.
	ByPause
	// BySuccess: the executor returned nil.
	BySuccess
	// ByFailure: the executor failed, panicked, timed out, or was lost too often.
	ByFailure
	// ByResume: a person's, or the plan's, resume.
	ByResume
	// ByRetry: a person's retry.
	ByRetry
	// ByRollback: a person's, or the plan's, rollback.
	ByRollback
	// ByUndo: the undo finished.
	ByUndo
	// ByUndoFailure: the undo failed or was stopped.
	ByUndoFailure

	numCauses = int(ByUndoFailure) + 1
)

//nolint:gochecknoglobals // a constant table
var causeNames = [numCauses]string{
	"claim", "skip", "cancel", "pause", "success", "failure",
	"resume", "retry", "rollback", "undo", "undo failure",
}

func (c Cause) String() string {
	if int(c) < numCauses {
		return causeNames[c]
	}
	return fmt.Sprintf("Cause(%d)", uint8(c))
}

// Transition is one row of the state machine.
type Transition struct {
	From  State
	Cause Cause
	To    State
}

// transitions is the state machine, the only place that knows it. Rolling back
// what never ran is refused by [Task.Rollback], which knows the attempt.
//
//nolint:gochecknoglobals // a constant table
var transitions = [...]Transition{
	{Pending, ByClaim, Running},
	{Pending, BySkip, Skipped},
	{Pending, ByCancel, Canceled},
	{Running, BySuccess, Completed},
	{Running, ByFailure, Failed},
	{Running, ByPause, Paused},
	{Running, ByCancel, Canceled},
	{Paused, ByResume, Running},
	{Paused, ByRetry, Running},
	{Paused, ByCancel, Canceled},
	{Paused, ByRollback, RollingBack},
	{Failed, ByRetry, Running},
	{Failed, BySkip, Skipped},
	{Failed, ByCancel, Canceled},
	{Failed, ByRollback, RollingBack},
	{Completed, ByRollback, RollingBack},
	{Canceled, ByRollback, RollingBack},
	{RollbackFailed, ByRollback, RollingBack},
	{RollbackFailed, BySkip, Skipped},
	{RollingBack, ByUndo, RolledBack},
	{RollingBack, ByUndoFailure, RollbackFailed},
}

// Transitions returns the state machine, row by row.
func Transitions() []Transition { return append([]Transition(nil), transitions[:]...) }

// Next returns the state that c leads to from s, and whether there is one.
func (s State) Next(c Cause) (State, bool) {
	for i := range transitions {
		if transitions[i].From == s && transitions[i].Cause == c {
			return transitions[i].To, true
		}
	}
	return s, false
}

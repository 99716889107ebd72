package task

import "fmt"

// Cause is why a task changes its state.
type Cause uint8

// The causes. Events and the documentation show their names.
const (
	// ByClaim: a worker took the task under the plan's grant.
	ByClaim Cause = iota
	// BySkip: a skip decided that the task is not to be done, or its undo not to be finished.
	BySkip
	// ByCancel: a cancel of the task or the plan, or a rollback of the plan, ended it.
	ByCancel
	// ByPause: a pause of the task or the plan stopped it at a boundary.
	ByPause
	// BySuccess: the executor returned nil.
	BySuccess
	// ByFailure: the executor failed, panicked or timed out in the last attempt, or the task lost
	// its worker too often.
	ByFailure
	// ByResume: a resume of the task or the plan.
	ByResume
	// ByRetry: a retry of the task, or of the failed tasks of the plan; or the next attempt after a
	// failure, which begins without a command if the plan's strategy says so.
	ByRetry
	// ByRollback: a rollback of the task or the plan.
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

// transitions is the state machine; nothing else defines it. It does not consider attempts:
// [Task.Rollback] refuses to roll back a task that never ran.
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

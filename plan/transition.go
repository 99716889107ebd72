package plan

import "fmt"

// Cause is why a plan changes its state, or which command it was given.
type Cause uint8

// The causes. Events and the documentation show their names.
const (
	ByCreate Cause = iota
	ByStart
	ByPause
	// ByBreach: more tasks failed than the strategy tolerates.
	ByBreach
	ByResume
	// BySuccess: every task ended, and neither a breach nor ByFailure applies, or no longer does.
	BySuccess
	// ByFailure: every task ended, and all of them failed.
	ByFailure
	ByRetry
	ByCancel
	ByRollback
	// ByUndo: no undo is left, none failed.
	ByUndo
	// ByUndoFailure: no undo is left, some failed.
	ByUndoFailure
	BySkip
	// ByWave: a wave was opened.
	ByWave
	// ByBake: the bake of a wave is over.
	ByBake
	// ByApproval: a wave waits for an approval.
	ByApproval
	ByApprove
	ByReject
	ByTune
	// ByAdd: tenants were added, or an addition was given up.
	ByAdd
	// BySkipTasks and the following: a command for the tasks that a filter selects.
	BySkipTasks
	ByPauseTasks
	ByResumeTasks
	ByCancelTasks
	ByRollbackTasks
	// ByNote: somebody wrote something down; nothing changed.
	ByNote

	numCauses = int(ByNote) + 1
)

//nolint:gochecknoglobals // a constant table
var causeNames = [numCauses]string{
	"create", "start", "pause", "breach", "resume", "success", "failure",
	"retry", "cancel", "rollback", "undo", "undo failure", "skip",
	"wave", "bake", "approval", "approve", "reject", "tune", "add",
	"skip tasks", "pause tasks", "resume tasks", "cancel tasks", "rollback tasks", "note",
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

// transitions is the state machine; nothing else defines it. A breach leads to PAUSED, FAILED or
// ROLLING_BACK, depending on the strategy's FailureAction.
//
//nolint:gochecknoglobals // a constant table
var transitions = [...]Transition{
	{Created, ByStart, Running},
	{Created, ByCancel, Canceled},
	{Running, ByPause, Paused},
	{Running, ByBreach, Paused},
	{Running, ByBreach, Failed},
	{Running, ByBreach, RollingBack},
	{Running, ByReject, Paused},
	{Running, BySuccess, Completed},
	{Running, ByFailure, Failed},
	{Running, ByCancel, Canceled},
	{Running, ByRollback, RollingBack},
	{Paused, ByResume, Running},
	{Paused, ByCancel, Canceled},
	{Paused, ByRollback, RollingBack},
	{Failed, ByPause, Paused},
	{Failed, ByResume, Running},
	{Failed, ByRetry, Running},
	{Failed, BySuccess, Completed},
	{Failed, ByCancel, Canceled},
	{Failed, ByRollback, RollingBack},
	{Completed, ByRetry, Running},
	{Completed, ByRollback, RollingBack},
	{Canceled, ByRollback, RollingBack},
	{RollingBack, ByUndo, RolledBack},
	{RollingBack, ByUndoFailure, RollbackFailed},
	{RollingBack, ByCancel, RollbackFailed},
	{RollbackFailed, ByRollback, RollingBack},
	{RollbackFailed, BySkip, RolledBack},
}

// Transitions returns the state machine, row by row.
func Transitions() []Transition { return append([]Transition(nil), transitions[:]...) }

// allows reports whether there is a transition from s by c to the state to.
func (s State) allows(c Cause, to State) bool {
	for _, t := range transitions {
		if t.From == s && t.Cause == c && t.To == to {
			return true
		}
	}
	return false
}

package plan

import "testing"

// machine is the state machine written out a second time. Every triple that is not
// in it is impossible.
func machine() map[Transition]bool {
	return map[Transition]bool{
		{Created, ByStart, Running}:   true,
		{Created, ByCancel, Canceled}: true,

		{Running, ByPause, Paused}:         true,
		{Running, ByBreach, Paused}:        true,
		{Running, ByBreach, Failed}:        true,
		{Running, ByBreach, RollingBack}:   true,
		{Running, ByReject, Paused}:        true,
		{Running, BySuccess, Completed}:    true,
		{Running, ByFailure, Failed}:       true,
		{Running, ByCancel, Canceled}:      true,
		{Running, ByRollback, RollingBack}: true,

		{Paused, ByResume, Running}:       true,
		{Paused, ByCancel, Canceled}:      true,
		{Paused, ByRollback, RollingBack}: true,

		{Failed, ByPause, Paused}:         true,
		{Failed, ByResume, Running}:       true,
		{Failed, ByRetry, Running}:        true,
		{Failed, BySuccess, Completed}:    true,
		{Failed, ByCancel, Canceled}:      true,
		{Failed, ByRollback, RollingBack}: true,

		{Completed, ByRetry, Running}:        true,
		{Completed, ByRollback, RollingBack}: true,
		{Canceled, ByRollback, RollingBack}:  true,

		{RollingBack, ByUndo, RolledBack}:            true,
		{RollingBack, ByUndoFailure, RollbackFailed}: true,
		{RollingBack, ByCancel, RollbackFailed}:      true,

		{RollbackFailed, ByRollback, RollingBack}: true,
		{RollbackFailed, BySkip, RolledBack}:      true,
	}
}

func TestAllows(t *testing.T) {
	t.Parallel()
	want := machine()
	for from := range State(NumStates) {
		for cause := range Cause(numCauses) {
			for to := range State(NumStates) {
				if got := from.allows(cause, to); got != want[Transition{from, cause, to}] {
					t.Errorf("%s by %s to %s: allowed %t", from, cause, to, got)
				}
			}
		}
	}
}

func TestTransitionsListsTheMachine(t *testing.T) {
	t.Parallel()
	want := machine()
	rows := Transitions()
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
	for _, row := range rows {
		if !want[row] {
			t.Errorf("%s by %s to %s is no row", row.From, row.Cause, row.To)
		}
	}
	rows[0] = Transition{}
	if Transitions()[0] == rows[0] {
		t.Error("a caller can change the machine")
	}
}

// An impossible transition is a bug of the package, which panics immediately.
func TestMoveRefusesTheImpossible(t *testing.T) {
	t.Parallel()
	defer func() {
		if got, want := recover(), "plan: no transition from COMPLETED by pause to PAUSED"; got != want {
			t.Errorf("move panicked with %v, want %s", got, want)
		}
	}()
	d := Decision{Plan: Plan{Control: Control{State: Completed}}}
	d.move(ByPause, Paused, By{})
}

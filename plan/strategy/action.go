package strategy

import (
	"fmt"

	"github.com/cutover-go/cutover/internal/textform"
)

// Action is what a breach does to a plan.
type Action uint8

// The actions.
const (
	// Stop makes the plan FAILED. Tasks in flight run to their end.
	Stop Action = iota
	// Pause makes the plan PAUSED: tasks in flight stop at their next boundary.
	Pause
	// RollbackPlan makes the plan ROLLING_BACK: tasks in flight are cancelled, then everything that
	// has run is undone, as by the command of that name.
	RollbackPlan
	// RollbackWave makes the plan FAILED, then undoes what has run of the wave in which more tasks
	// failed than it tolerates or, if only the plan has too many failures, of the open wave. Tasks
	// that have not begun stay pending; a resume goes on with them. Only for plans with waves.
	RollbackWave

	numActions = int(RollbackWave) + 1
)

//nolint:gochecknoglobals // a constant table
var actionNames = [numActions]string{"Stop", "Pause", "RollbackPlan", "RollbackWave"}

func (a Action) String() string {
	if int(a) < numActions {
		return actionNames[a]
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

// ParseAction reads an action as String writes it. The error is a [*TextError] and matches
// [ErrInvalid].
func ParseAction(name string) (Action, error) {
	a, err := textform.Parse[Action](kindAction, actionNames[:], name)
	return a, invalid(err)
}

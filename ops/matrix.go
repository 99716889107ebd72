package ops

import (
	"github.com/cutover-go/cutover/task"
)

// matrixPage has the states of all tasks of a plan.
type matrixPage struct {
	// Seq is the number of an event: the states are those after it, or later ones. Events after it
	// say what changes.
	Seq int64 `json:"seq"`
	// Legend has the names of the states; States has one digit a task, in the order of the
	// ordinals: the place of its state in the legend.
	Legend []string `json:"legend"`
	States string   `json:"states"`
}

// A digit is enough for a state.
const _ = uint(10 - task.NumStates)

// getMatrix answers with the states of all tasks of a plan.
func getMatrix(c *call) (answer, error) {
	p, err := c.plan(View) // its position is older than the states
	if err != nil {
		return answer{}, err
	}
	page := matrixPage{Seq: p.LastEvent, Legend: make([]string, task.NumStates)}
	for s := range page.Legend {
		page.Legend[s] = task.State(s).String()
	}
	digits := make([]byte, 0, p.TaskCount)
	for len(digits) < p.TaskCount {
		states, err := c.engine.States(c.r.Context(), p.ID, len(digits), 0)
		if err != nil {
			return answer{}, err
		}
		if len(states) == 0 {
			return answer{}, missingTasks(&p, len(digits))
		}
		for _, s := range states {
			digits = append(digits, '0'+byte(s))
		}
	}
	page.States = string(digits)
	return answer{body: page}, nil
}

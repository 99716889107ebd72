package ops

import (
	"encoding/json"

	"github.com/cutover-go/cutover/plan"
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

// getMatrix answers with the states of all tasks of a plan. Whoever asks at the same time gets the
// same answer.
func getMatrix(c *call) (answer, error) {
	p, err := c.plan(View)
	if err != nil {
		return answer{}, err
	}
	body, err := c.matrices.get(c.r.Context(), p.ID, p.LastEvent, c.readMatrix)
	return answer{body: body}, err
}

// readMatrix reads a matrix, for which the process must have a place.
func (c *call) readMatrix(id plan.ID) (seq int64, body encoded, err error) {
	if !c.costly.take() {
		return 0, nil, busy(codeBusy)
	}
	defer c.costly.leave()
	p, err := c.engine.Plan(c.r.Context(), id) // its position is older than the states
	if err != nil {
		return 0, nil, err
	}
	page := matrixPage{Seq: p.LastEvent, Legend: make([]string, task.NumStates)}
	for s := range page.Legend {
		page.Legend[s] = task.State(s).String()
	}
	digits := make([]byte, 0, p.TaskCount)
	for len(digits) < p.TaskCount {
		states, err := c.engine.States(c.r.Context(), p.ID, len(digits), 0)
		if err != nil {
			return 0, nil, err
		}
		if len(states) == 0 {
			return 0, nil, missingTasks(&p, len(digits))
		}
		for _, s := range states {
			digits = append(digits, '0'+byte(s))
		}
	}
	page.States = string(digits)
	body, err = json.Marshal(page)
	return page.Seq, body, err
}

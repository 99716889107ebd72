package ops

import "github.com/cutover-go/cutover/ops/internal/wire"

// why is the answer to why a task does not move.
type why struct {
	wire.Why
	// Partly is the problem of what cannot be read now, and is missing.
	Partly *problem `json:"partly,omitempty"`
}

// explainTask answers why a task does not move, or that it does.
func explainTask(c *call) (answer, error) {
	id, _, err := c.task(View)
	if err != nil {
		return answer{}, err
	}
	r, err := c.engine.Explain(c.r.Context(), id)
	if err != nil && r.Task == 0 {
		return answer{}, err
	}
	c.viewer().reason(&r)
	body := why{Why: wire.WhyOf(r)}
	if err != nil {
		body.Partly = c.problem(err)
	}
	return answer{body: body}, nil
}

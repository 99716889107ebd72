package ops

import (
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// plan returns the plan that the path names, if the caller may do something with it.
func (c *call) plan(a Action) (plan.Plan, error) {
	id, err := plan.ParseID(c.r.PathValue("plan"))
	if err != nil {
		return plan.Plan{}, store.ErrNotFound
	}
	return c.allowed(a, id)
}

// task returns the id of the task that the path names, and its plan, if the caller may do something
// with it.
func (c *call) task(a Action) (task.ID, plan.Plan, error) {
	id, err := task.ParseID(c.r.PathValue("task"))
	if err != nil {
		return 0, plan.Plan{}, store.ErrNotFound
	}
	c.command.Task = id
	p, err := c.allowed(a, id.Plan())
	return id, p, err
}

// allowed returns a plan if the caller may do something with it. One that he may not view does not
// exist for him.
func (c *call) allowed(a Action, id plan.ID) (plan.Plan, error) {
	c.command.Plan = id
	p, err := c.engine.Plan(c.r.Context(), id)
	switch {
	case err != nil:
		return plan.Plan{}, err
	case !c.caller.May(View, &p):
		return plan.Plan{}, store.ErrNotFound
	case a != View && !c.caller.May(a, &p):
		return plan.Plan{}, newProblem(codeForbidden)
	}
	return p, nil
}

// data says whether the caller may view the data of a plan's tasks.
func (c *call) data(p *plan.Plan) wire.Data { return wire.Data(c.caller.May(ViewData, p)) }

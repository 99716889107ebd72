package ops

import (
	"net/http"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// getPlan answers with a plan.
func getPlan(c *call) (answer, error) {
	p, err := c.plan(View)
	if err != nil {
		return answer{}, err
	}
	return answer{body: c.planDocument(&p)}, nil
}

// plansPage is a page of plans.
type plansPage struct {
	Plans []wire.PlanSummary `json:"plans"`
	// Next is the cursor of the next page, empty if there is none.
	Next string `json:"next,omitempty"`
	// Partly is the problem of plans that cannot be read now, and are missing.
	Partly *problem `json:"partly,omitempty"`
}

// listPlans answers with a page of plans, the newest first. Those that the caller may not view are
// left out, so a page may be empty although there are more.
func listPlans(c *call) (answer, error) {
	q := c.query("state", "limit", "cursor")
	limit := q.limit()
	states := parsed(q, "state", plan.ParseState)
	before := q.cursor(cursorOfPlans, int64(task.MaxPlanID))
	if err := q.err(); err != nil {
		return answer{}, err
	}
	plans, err := c.engine.Plans(c.r.Context(), store.PlanQuery{Before: plan.ID(before), States: states, Limit: limit})
	if err != nil && len(plans) == 0 {
		return answer{}, err
	}
	page := plansPage{Plans: []wire.PlanSummary{}}
	if err != nil {
		page.Partly = c.problem(err)
	}
	if len(plans) == limit {
		page.Next = cursorOfPlans.text(int64(plans[limit-1].ID))
	}
	for i := range plans {
		if p := &plans[i]; c.caller.May(View, p) {
			page.Plans = append(page.Plans, wire.PlanSummaryOf(p, c.planActions(p)))
		}
	}
	return answer{body: page}, nil
}

// createPlan creates a plan. If there is one with the key already, the answer is that plan.
func createPlan(c *call) (answer, error) {
	w, spec, err := c.spec()
	if err != nil {
		return answer{}, err
	}
	var existed bool
	opts := []cutover.CreateOption{cutover.By(c.caller.Actor()), cutover.Existed(&existed)}
	if c.cfg.ExecutorElsewhere {
		opts = append(opts, cutover.ExecutorElsewhere())
	}
	p, err := c.engine.Create(c.r.Context(), spec, opts...)
	if err != nil {
		return answer{}, named(err, w.Faults)
	}
	c.command.Plan, c.command.Repeated = p.ID, existed
	if existed && !c.caller.May(View, &p) {
		return answer{}, newProblem(codeForbidden) // it is somebody else's
	}
	a := answer{status: http.StatusCreated, location: "plans/" + p.ID.String()}
	if existed {
		a.status = http.StatusOK
	}
	document := c.planDocument(&p)
	document.Repeated = existed
	a.body = document
	return a, nil
}

// removed is the answer to a deletion.
type removed struct {
	PlanID plan.ID `json:"planId"`
}

// deletePlan removes a plan that is over.
func deletePlan(c *call) (answer, error) {
	p, err := c.plan(Delete)
	if err != nil {
		return answer{}, err
	}
	_, opts, err := prepare[wire.Command](c)
	if err != nil {
		return answer{}, err
	}
	if err := c.engine.Remove(c.r.Context(), p.ID, opts...); err != nil {
		return answer{}, err
	}
	return answer{body: removed{p.ID}}, nil
}

// previewPlan answers with what a plan would do; it creates nothing.
func previewPlan(c *call) (answer, error) {
	w, spec, err := c.spec()
	if err != nil {
		return answer{}, err
	}
	if err := c.beginCostly(); err != nil {
		return answer{}, err
	}
	arranged, err := spec.Arrange(time.Now())
	if err != nil {
		return answer{}, named(err, w.Faults)
	}
	return answer{body: w.Preview(&arranged)}, nil
}

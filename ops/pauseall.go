package ops

import (
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// pausedPlans is the answer to a pause of all running plans.
type pausedPlans struct {
	// Plans are those that were paused, or would be.
	Plans []plan.ID `json:"plans"`
	// Unchanged counts those that somebody else has paused meanwhile.
	Unchanged int `json:"unchanged"`
	// NotPaused are plans that could not be paused, with the reason.
	NotPaused []notPaused `json:"notPaused,omitempty"`
	DryRun    bool        `json:"dryRun,omitzero"`
	// Partly is the problem of plans that cannot be read now, and are missing.
	Partly *problem `json:"partly,omitempty"`
}

// notPaused is a plan that could not be paused.
type notPaused struct {
	PlanID plan.ID `json:"planId"`
	Code   string  `json:"code"`
}

// pausePlans pauses all running plans that the caller may pause, the newest first. A plan that
// cannot be paused holds up no other.
func pausePlans(c *call) (answer, error) {
	b := new(wire.PauseCommand)
	f, err := c.decode(b)
	if err != nil {
		return answer{}, err
	}
	opts := c.options(b.Reason, f)
	c.noVersion(f)
	c.command.DryRun = b.DryRun
	if err := c.reasoned(b.Reason, f); err != nil {
		return answer{}, err
	}
	a := pausedPlans{Plans: []plan.ID{}, DryRun: b.DryRun}
	q := store.PlanQuery{States: []plan.State{plan.Running}, Limit: store.MaxPage}
	for more := true; more; {
		plans, err := c.engine.Plans(c.r.Context(), q)
		if err != nil && len(plans) == 0 {
			return answer{}, err
		}
		if err != nil {
			a.Partly = c.problem(err)
		}
		for i := range plans {
			if p := &plans[i]; c.caller.May(View, p) && c.caller.May(Pause, p) {
				c.pauseOne(&a, p, opts)
			}
			q.Before = plans[i].ID
		}
		more = len(plans) == q.Limit
	}
	c.command.Unchanged = len(a.Plans) == 0
	return answer{body: a}, nil
}

// pauseOne pauses a plan, or says that it would.
func (c *call) pauseOne(a *pausedPlans, p *plan.Plan, opts []cutover.CommandOption) {
	var r cutover.PlanResult
	var err error
	if a.DryRun {
		_, err = p.Pause(plan.By{Now: time.Now()})
	} else {
		r, err = c.engine.Pause(c.r.Context(), p.ID, opts...)
	}
	switch {
	case err != nil:
		a.NotPaused = append(a.NotPaused, notPaused{p.ID, c.problem(err).Code})
	case r.Unchanged:
		a.Unchanged++
	default:
		a.Plans = append(a.Plans, p.ID)
	}
}

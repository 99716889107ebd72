package plan

import (
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
)

// Tune changes the strategy of a plan that was created. The fields that t leaves unset keep what
// the plan was created with, or was tuned to. The change takes effect at once, but takes no slot
// from a task that has one. If more tasks are failed than the new tolerance allows, the plan is
// breached. The error is an *[InvalidError] if t has faults.
func (p Plan) Tune(t strategy.Tuning, by By) (Decision, error) {
	d := p.decide(by)
	if err := d.adjustable(ByTune); err != nil {
		return d, err
	}
	var e InvalidError
	for _, f := range t.Faults(len(p.Waves)) {
		e.add(f.Field, "%s", f.Problem)
	}
	if e.Total == 0 && len(t.Windows) > 0 {
		_, err := window.Check(t.Windows, by.Now)
		e.windows("", err)
	}
	if e.Total > 0 {
		return d, &e
	}
	next := t.Over(d.Plan.Tuning)
	if d.Plan.Strategy.Tuned(next).Equal(d.Plan.Rules()) {
		return d.unchanged()
	}
	d.Plan.Tuning = next
	d.dropApprovalRequest()
	d.note(ByTune, d.Plan.State, d.Plan.State, by)
	d.regrant()
	for d.step(By{Now: by.Now}) {
	}
	return d, nil
}

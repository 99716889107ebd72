package plan_test

import (
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// A breach with the action RollbackPlan begins what the command Rollback begins, without an actor.
func TestBreachRollsBack(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Running: 1, task.Failed: 6, task.Completed: 2, task.Pending: 4}, breached, rollsBackOnBreach)
	d := p.Settle(noon())
	p = d.Plan
	if p.State != plan.RollingBack || p.Undo != (plan.Undo{Round: 1}) || p.Breached || p.Counters.Of(task.Canceled) != 4 {
		t.Fatalf("%s, undo %+v, breached %t, %v", p.State, p.Undo, p.Breached, p.Counters)
	}
	if got := p.StopFor(1, task.Control{State: task.Running}); got != task.StopCancel {
		t.Errorf("what is in flight is told %s", got)
	}
	if d := p.Settle(noon()); d.Changed {
		t.Errorf("with a task in flight: %+v", d)
	}
	p.Counters.Move(task.Running, task.Canceled)
	if d := p.Settle(noon()); !d.Plan.Undo.Open || len(d.Events) != 0 {
		t.Errorf("with nothing in flight: undo %+v, events %+v", d.Plan.Undo, d.Events)
	}
}

// A decision that contains the breach does not open the undo round: before the decision is
// committed, a worker may still claim a pending task, which no failure forbids yet.
func TestBreachByLossOpensTheUndoRoundLater(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Running: 1, task.Completed: 2, task.Pending: 4}, tolerates(0), rollsBackOnBreach)
	p.Counters.Held = 1
	lost := task.Task{ID: task.NewID(7, 3), Worker: "gone", Control: task.Control{State: task.Running, Attempt: 1}}
	d := p.LoseTasks([]task.Task{lost}, 0, plan.By{Now: noon()})
	if d.Plan.State != plan.RollingBack || d.Plan.Undo.Open || d.Plan.Undo.Round != 1 {
		t.Fatalf("%s, undo %+v", d.Plan.State, d.Plan.Undo)
	}
	if e := d.Events[len(d.Events)-1]; e.Cause != "breach" || e.Actor != "" || e.Reason != "1 failed, 0 tolerated" {
		t.Errorf("event %+v", e)
	}
}

// A command that finds the breach first carries it out, and then applies to a plan that rolls back,
// or does not.
func TestCommandsMeetABreachThatRollsBack(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"pause": "not applicable", "resume": "not applicable", "retry": "not applicable",
		"rollback": "unchanged", "cancel": "ROLLBACK_FAILED",
	} {
		p := in(plan.Running, counts{task.Failed: 6, task.Completed: 2}, breached, rollsBackOnBreach)
		d, err := planCommands()[name](p, ann())
		if got := outcome(t, p.State, d, err); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if len(d.Events) == 0 || d.Events[0].To != "ROLLING_BACK" || d.Events[0].Actor != "" {
			t.Errorf("%s: events %+v", name, d.Events)
		}
	}
}

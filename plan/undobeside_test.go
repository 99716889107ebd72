package plan_test

import (
	"strings"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// The open wave is about to be undone, after an earlier one. Nothing makes the plan run until that
// is over: its pending tasks would begin, and be canceled and undone.
func TestNothingRunsTheWaveThatIsUndoneNext(t *testing.T) {
	t.Parallel()
	p := inState(plan.Running)
	p.Strategy.FailureAction = strategy.RollbackWave
	become(&p, 2, 1, task.Pending, task.Failed)
	p.Breached = true
	become(&p, 1, 1, task.Completed, task.RollingBack)
	p.Undo = plan.Undo{Round: 1, First: 1, Last: 2, Open: true}
	p = p.Settle(noon()).Plan
	if p.State != plan.Failed || p.Undo.Next != 2 {
		t.Fatalf("%s, %+v", p.State, p.Undo)
	}
	later := task.Task{ID: task.NewID(7, 6), Control: task.Control{State: task.Failed, Attempt: 1}}
	for name, give := range map[string]func() (plan.Decision, error){
		"resume":       func() (plan.Decision, error) { return p.Resume(ann()) },
		"retry failed": func() (plan.Decision, error) { return p.RetryFailed(task.FromCheckpoint, ann()) },
		"retry task":   func() (plan.Decision, error) { return p.RetryTask(later, task.FromCheckpoint, ann()) },
	} {
		if d, err := give(); err == nil || !strings.Contains(err.Error(), "wave 2 is being undone") {
			t.Errorf("%s: %s, %v", name, d.Plan.State, err)
		}
	}
}

// The tasks of the wave that is undone next are not said to be done, or to wait for a command.
func TestExplainOfTheWaveThatIsUndoneNext(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		undo  plan.Undo
		wants plan.ReasonCode
	}{
		"after another wave":       {plan.Undo{Round: 1, First: 1, Last: 2, Open: true, Next: 2}, plan.ReasonUndoNotOpen},
		"after undos that stop":    {plan.Undo{Round: 1, Stopping: true, Next: 2}, plan.ReasonUndoNotOpen},
		"as soon as an engine can": {plan.Undo{Round: 1, Next: 2}, plan.ReasonStepDue},
	} {
		p := inState(plan.Failed)
		p.Undo = tt.undo
		inFlight := 0
		if tt.wants == plan.ReasonUndoNotOpen {
			inFlight = 1
			become(&p, 1, 1, task.Completed, task.RollingBack)
		}
		for state, of := range map[task.State][2]plan.ReasonCode{ // in wave 2, and in wave 3
			task.Completed: {tt.wants, plan.ReasonDone}, task.Failed: {tt.wants, plan.ReasonFailed},
			task.Pending: {plan.ReasonPlanFailed, plan.ReasonPlanFailed}, task.Skipped: {plan.ReasonDone, plan.ReasonDone},
		} {
			for i, want := range of {
				one := task.Task{ID: task.NewID(7, 3+2*i), Control: task.Control{State: state, Attempt: 1}}
				if state == task.Pending {
					one.Attempt = 0
				}
				r := p.Explain(one)
				if r.Code != want || want == plan.ReasonUndoNotOpen && r.InFlight != inFlight {
					t.Errorf("%s: task %s in %s: %s, %d in flight, want %s", name, one.ID, state, r.Code, r.InFlight, want)
				}
			}
		}
	}
}

// The cancel of a wave's undo also ends the rollbacks by filter that wait: their undos would be
// stopped as soon as they begin, and fail.
func TestCancelOfAnUndoDropsRollbacksByFilter(t *testing.T) {
	t.Parallel()
	p := inState(plan.Completed)
	p.Counters = plan.Counters{}
	p.Counters.States[task.Completed] = 6
	for i := range p.WaveCounters {
		p.WaveCounters[i].Ended = 2
	}
	become(&p, 1, 1, task.Completed, task.RollingBack)
	p.Undo = plan.Undo{Round: 2, First: 1, Last: 2, Open: true}
	for _, kind := range []plan.SweepKind{plan.SweepRollbackTasks, plan.SweepRetry} {
		d, err := plan.Sweep{Kind: kind, Filter: task.Filter{Waves: []int{3}}}.Queue(p, plan.Reach{Changing: 2}, ann())
		if err != nil {
			t.Fatal(err)
		}
		if p = d.Plan; kind == plan.SweepRollbackTasks {
			if d, err = p.Cancel(ann()); err != nil || !d.Plan.Undo.Stopping || len(d.Plan.Sweeps) > 0 {
				t.Errorf("%+v, sweeps %v, %v", d.Plan.Undo, d.Plan.Sweeps, err)
			}
		}
	}
}

// A rollback of many tasks can be stopped although the plan is over; the undos in flight go on.
func TestCancelOfARollbackByFilter(t *testing.T) {
	t.Parallel()
	for _, state := range []plan.State{plan.Completed, plan.Canceled} {
		p := in(state, counts{task.Completed: 5, task.RollingBack: 1})
		d, err := plan.Sweep{Kind: plan.SweepRollbackTasks}.Queue(p, plan.Reach{Changing: 5}, ann())
		if err != nil {
			t.Fatal(err)
		}
		d, err = d.Plan.Cancel(ann())
		if err != nil || d.Plan.State != state || len(d.Plan.Sweeps) > 0 || d.Plan.Undo.Stopping || len(d.Events) != 1 || d.Events[0].Actor != "ann" {
			t.Errorf("%s: %+v, %v", state, d, err)
		}
		if again, err := d.Plan.Cancel(ann()); err == nil && !again.Unchanged {
			t.Errorf("%s: canceled again: %+v", state, again)
		}
	}
}

// Undos that were canceled come to their stop before a breach begins others: it would take them up
// again.
func TestABreachWaitsForUndosThatStop(t *testing.T) {
	t.Parallel()
	for _, action := range []strategy.Action{strategy.RollbackPlan, strategy.RollbackWave} {
		p := inState(plan.Running)
		p.Strategy.FailureAction = action
		become(&p, 1, 1, task.Completed, task.RollingBack)
		become(&p, 2, 1, task.Pending, task.Failed)
		p.Breached, p.Undo = true, plan.Undo{Round: 2, Stopping: true}
		p = p.Settle(noon()).Plan
		if !p.Undo.Stopping || p.Undo.Round != 2 || p.State == plan.RollingBack {
			t.Errorf("%s: %s, %+v", action, p.State, p.Undo)
		}
		become(&p, 1, 1, task.RollingBack, task.RollbackFailed)
		p = p.Settle(noon()).Plan
		if p.Undo.Stopping || p.Undo.Round != 3 {
			t.Errorf("%s, then: %s, %+v", action, p.State, p.Undo)
		}
	}
}

package plan_test

import (
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// undoing returns a task of plan 7 in state s.
func undoing(s task.State) task.Task {
	return task.Task{ID: task.NewID(7, 1), Control: task.Control{State: s, Attempt: 1}}
}

// A rollback first acts as a cancel: undos may not be claimed while any task runs.
func TestRollbackWaitsForWhatRuns(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Running: 2, task.Completed: 3, task.Pending: 4})
	d, err := p.Rollback(ann())
	if err != nil {
		t.Fatal(err)
	}
	p = d.Plan
	if p.State != plan.RollingBack || p.Undo != (plan.Undo{Round: 1}) || p.Counters.Of(task.Canceled) != 4 {
		t.Fatalf("%s, undo %+v, counters %v", p.State, p.Undo, p.Counters.States)
	}
	for left := 2; left > 0; left-- {
		if d := p.Settle(noon()); d.Changed {
			t.Fatalf("with %d running: %+v", left, d.Plan.Undo)
		}
		p.Counters.Move(task.Running, task.Canceled)
	}
	d = p.Settle(noon())
	if !d.Changed || !d.Plan.Undo.Open || len(d.Events) != 0 || d.Plan.State != plan.RollingBack {
		t.Fatalf("nothing runs: %+v", d)
	}
	if d := d.Plan.Settle(noon()); d.Changed {
		t.Errorf("settled twice: %+v", d)
	}
}

func TestRollbackOpensAtOnce(t *testing.T) {
	t.Parallel()
	p := in(plan.Failed, counts{task.Completed: 3, task.Failed: 6, task.RollingBack: 1}, acknowledged(6))
	d, err := p.Rollback(ann())
	if err != nil || d.Plan.Undo != (plan.Undo{Round: 1, Open: true}) {
		t.Errorf("undo %+v, %v", d.Plan.Undo, err)
	}
	if d.Plan.Acknowledged != 0 || d.Plan.UndosExhausted {
		t.Errorf("%d acknowledged, dry %t", d.Plan.Acknowledged, d.Plan.UndosExhausted)
	}
}

// The undo round of a running plan opens one step later even if nothing is running: a claim may
// have started a task after the plan was read for the rollback and before the rollback was
// committed.
func TestRollbackOfARunningPlanOpensLater(t *testing.T) {
	t.Parallel()
	d, err := in(plan.Running, counts{task.Completed: 3, task.Pending: 2}).Rollback(ann())
	if err != nil || d.Plan.Undo != (plan.Undo{Round: 1}) {
		t.Errorf("undo %+v, %v", d.Plan.Undo, err)
	}
	if d := d.Plan.Settle(noon()); d.Plan.Undo != (plan.Undo{Round: 1, Open: true}) {
		t.Errorf("settled: undo %+v", d.Plan.Undo)
	}
}

// The rollback ends when the round is exhausted and nothing is in flight.
func TestRollbackCloses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		plan plan.Plan
		want string
		by   plan.Cause
	}{
		"undos left":         {in(plan.RollingBack, counts{task.Completed: 1, task.RolledBack: 3}), "ROLLING_BACK", 0},
		"undo in flight":     {in(plan.RollingBack, counts{task.RollingBack: 1, task.RolledBack: 3}, undosExhausted), "ROLLING_BACK", 0},
		"all undone":         {in(plan.RollingBack, counts{task.RolledBack: 4, task.Canceled: 2}, undosExhausted), "ROLLED_BACK", plan.ByUndo},
		"nothing ever ran":   {in(plan.RollingBack, counts{task.Canceled: 4}, undosExhausted), "ROLLED_BACK", plan.ByUndo},
		"one failed":         {in(plan.RollingBack, counts{task.RolledBack: 3, task.RollbackFailed: 1}, undosExhausted), "ROLLBACK_FAILED", plan.ByUndoFailure},
		"one failed, others": {in(plan.RollingBack, counts{task.Completed: 3, task.RollbackFailed: 1}), "ROLLING_BACK", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := tt.plan.Settle(noon())
			if got := d.Plan.State.String(); got != tt.want {
				t.Fatalf("settled in %s, want %s", got, tt.want)
			}
			if d.Plan.State == plan.RollingBack {
				return
			}
			want := plan.Event{Plan: 7, Cause: tt.by.String(), From: "ROLLING_BACK", To: tt.want}
			if len(d.Events) != 1 || d.Events[0] != want || d.Plan.Undo.Open {
				t.Errorf("events %+v, undo %+v", d.Events, d.Plan.Undo)
			}
		})
	}
}

// A cancel of a rollback stops the undos at their next boundary. Until they have stopped, no task
// can be rolled back; then a rollback begins a new round.
func TestCancelRollback(t *testing.T) {
	t.Parallel()
	p := in(plan.RollingBack, counts{task.RollingBack: 1, task.Completed: 3})
	d, err := p.Cancel(ann())
	if err != nil || d.Plan.State != plan.RollbackFailed {
		t.Fatalf("%s, %v", d.Plan.State, err)
	}
	p = d.Plan
	if p.Undo != (plan.Undo{Round: 1, Stopping: true}) {
		t.Errorf("undo %+v", p.Undo)
	}
	if got := p.StopFor(1, task.Control{State: task.RollingBack}); got != task.StopCancel {
		t.Errorf("an undo in flight is told %s", got)
	}
	_, err = p.RollbackTask(undoing(task.Completed), ann())
	checkNotApplicable(t, err, plan.StateError{
		Plan: 7, Task: task.NewID(7, 1), Command: "rollback", PlanState: plan.RollbackFailed, TaskState: task.Completed,
	})

	p.Counters.Move(task.RollingBack, task.RollbackFailed)
	d = p.Settle(noon())
	if !d.Changed || d.Plan.Undo.Stopping || len(d.Events) != 0 || d.Plan.State != plan.RollbackFailed {
		t.Errorf("stopped: %+v", d)
	}
	d, err = p.Rollback(ann())
	if err != nil || d.Plan.Undo != (plan.Undo{Round: 2, Open: true}) {
		t.Errorf("rolled back again: undo %+v, %v", d.Plan.Undo, err)
	}
}

// A cancel of a rollback sets Stopping even if no undo is in flight, because an undo may be claimed
// before the cancel is committed. Settle clears Stopping if no undo is in flight.
func TestCancelRollbackWithNothingInFlight(t *testing.T) {
	t.Parallel()
	d, err := in(plan.RollingBack, counts{task.Completed: 3, task.RolledBack: 1}).Cancel(ann())
	if err != nil || d.Plan.State != plan.RollbackFailed || d.Plan.Undo != (plan.Undo{Round: 1, Stopping: true}) {
		t.Errorf("%s, undo %+v, %v", d.Plan.State, d.Plan.Undo, err)
	}
	if d := d.Plan.Settle(noon()); d.Plan.Undo != (plan.Undo{Round: 1}) || len(d.Events) != 0 {
		t.Errorf("settled: undo %+v, events %+v", d.Plan.Undo, d.Events)
	}
}

// Skipping the last failed undo ends the rollback, if nothing else is left to do.
func TestSkipEndsRollback(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		plan plan.Plan
		want plan.State
	}{
		"the last":           {in(plan.RollbackFailed, counts{task.RollbackFailed: 1, task.RolledBack: 3}), plan.RolledBack},
		"one of two":         {in(plan.RollbackFailed, counts{task.RollbackFailed: 2, task.RolledBack: 3}), plan.RollbackFailed},
		"an undo in flight":  {in(plan.RollbackFailed, counts{task.RollbackFailed: 1, task.RollingBack: 1}), plan.RollbackFailed},
		"a task in flight":   {in(plan.RollbackFailed, counts{task.RollbackFailed: 1, task.Running: 1}), plan.RollbackFailed},
		"others never begun": {in(plan.RollbackFailed, counts{task.RollbackFailed: 1, task.Completed: 3}, notExhausted), plan.RollbackFailed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := tt.plan.SkipTask(undoing(task.RollbackFailed), ann())
			if err != nil || d.Plan.State != tt.want || d.Edits[0].State != task.Skipped {
				t.Fatalf("%s, %v, want %s", d.Plan.State, err, tt.want)
			}
			if d.Plan.State == plan.RolledBack && len(d.Events) != 2 {
				t.Errorf("events %+v", d.Events)
			}
		})
	}
}

func notExhausted(p *plan.Plan) { p.UndosExhausted = false }

// The rollback of one task leaves its plan as it is.
func TestRollbackOfOneTask(t *testing.T) {
	t.Parallel()
	p := in(plan.Completed, counts{task.Completed: 4})
	d, err := p.RollbackTask(undoing(task.Completed), ann())
	if err != nil || d.Plan.State != plan.Completed || d.Plan.Counters.InFlight() != 1 {
		t.Fatalf("%s, %v, %v", d.Plan.State, d.Plan.Counters.States, err)
	}
	if d.Plan.Over() || d.Plan.AtRest() {
		t.Error("over or at rest with an undo in flight")
	}
	d.Plan.Counters.Move(task.RollingBack, task.RolledBack)
	if after := d.Plan.Settle(noon()); after.Changed || !d.Plan.Over() {
		t.Errorf("settled %+v", after)
	}
}

package plan_test

import (
	"errors"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// From the answer to a skip or a cancel on, no pending task begins until all that are selected are
// skipped or canceled; a retry and a pause hold nothing back.
func TestPendingTasksWaitForSkips(t *testing.T) {
	t.Parallel()
	for name, holds := range map[string]bool{"skip": true, "cancel": true, "retry": false, "pause": false, "resume": false, "rollback": false} {
		p := in(plan.Running, counts{task.Pending: 4})
		d, err := sweepOf(name).Queue(p, plan.Reach{Changing: 1}, ann())
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Plan.Grant.LastOrdinal == 0; got != holds || d.Plan.Claimable() == holds {
			t.Errorf("%s: grant %+v, claimable %t", name, d.Plan.Grant, d.Plan.Claimable())
		}
		d = d.Plan.Sweep(nil, 2, nobodyHeld, ann())
		if got := d.Plan.Grant.LastOrdinal == 0; got != holds {
			t.Errorf("%s, half done: grant %+v", name, d.Plan.Grant)
		}
		if d = d.Plan.Sweep(nil, 0, nobodyHeld, ann()); d.Plan.Grant != p.Grant {
			t.Errorf("%s, done: grant %+v, it was %+v", name, d.Plan.Grant, p.Grant)
		}
	}
}

// When the last failed undo is skipped among others, the rollback is over.
func TestSkippedUndosEndTheRollback(t *testing.T) {
	t.Parallel()
	tasks := row(task.RollbackFailed, task.RolledBack, task.RollbackFailed)
	p := in(plan.RollbackFailed, count(tasks))
	d, err := plan.Sweep{Kind: plan.SweepSkipTasks}.Queue(p, plan.Reach{Changing: 2}, ann())
	if err != nil {
		t.Fatal(err)
	}
	d = d.Plan.Sweep(tasks[:1], 1, nobodyHeld, plan.By{Now: noon()})
	if d.Plan.State != plan.RollbackFailed {
		t.Errorf("half way the plan is %s", d.Plan.State)
	}
	d = d.Plan.Sweep(tasks[2:], 0, nobodyHeld, plan.By{Now: noon()})
	checkTold(t, d.Events[1:], []string{"plan skip: ROLLBACK_FAILED to ROLLED_BACK by ann, window"})
	if d.Plan.State != plan.RolledBack || !d.Plan.AtRest() {
		t.Errorf("the plan is %s, at rest: %t", d.Plan.State, d.Plan.AtRest())
	}
}

// While a plan is being started its sweeps wait, because a start that is given up leaves no event.
func TestSweepsWaitForTheStart(t *testing.T) {
	t.Parallel()
	tasks := row(task.Pending, task.Pending)
	d, err := plan.Sweep{Kind: plan.SweepSkipTasks}.Queue(in(plan.Created, count(tasks)), plan.Reach{Changing: 2}, ann())
	if err != nil {
		t.Fatal(err)
	}
	p := d.Plan
	markedStarting(&p)
	if d := p.Sweep(tasks, 0, nobodyHeld, ann()); d.Changed {
		t.Errorf("swept during the start: %+v", d.Edits)
	}
	if _, err := (plan.Sweep{Kind: plan.SweepSkipTasks}).Queue(p, plan.Reach{Changing: 2}, ann()); !errors.Is(err, plan.ErrNotApplicable) {
		t.Errorf("a skip during the start: %v", err)
	}
	started, err := p.Start(ann())
	if err != nil || started.Plan.Claimable() {
		t.Fatalf("claimable before the skips: %t, %v", started.Plan.Claimable(), err)
	}
	d = started.Plan.Sweep(tasks, 0, nobodyHeld, ann())
	if got := moved(t, d, task.Skipped); len(got) != 2 {
		t.Errorf("skipped %v", got)
	}
}

// A rollback that failed is over when the last failed undo is skipped, whatever waits behind.
func TestSkipOfTheLastFailedUndoBeforeAnotherSweep(t *testing.T) {
	t.Parallel()
	p := in(plan.RollbackFailed, counts{task.RollbackFailed: 1, task.RolledBack: 2}, undosExhausted)
	one := task.Task{ID: task.NewID(7, 1), Control: task.Control{State: task.RollbackFailed, Attempt: 1}}
	for range 2 {
		d, err := plan.Sweep{Kind: plan.SweepSkipTasks}.Queue(p, plan.Reach{Changing: 1}, ann())
		if err != nil {
			t.Fatal(err)
		}
		p = d.Plan
	}
	if p = p.Sweep([]task.Task{one}, 0, nobodyHeld, ann()).Plan; p.State != plan.RolledBack {
		t.Errorf("%s with %s, sweeps %d", p.State, p.Counters, len(p.Sweeps))
	}
}

// Only what selects pending tasks keeps pending tasks from beginning.
func TestSkipOfFailedTasksLetsPendingOnesBegin(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Failed: 2, task.Pending: 5}, tolerates(2))
	for name, tt := range map[string]struct {
		filter task.Filter
		begin  bool
	}{
		"failed tasks": {failedFilter(), true},
		"all tasks":    {task.Filter{}, false},
	} {
		d, err := plan.Sweep{Kind: plan.SweepSkipTasks, Filter: tt.filter}.Queue(p, plan.Reach{Changing: 2}, ann())
		if err != nil || d.Plan.Claimable() != tt.begin {
			t.Errorf("%s: claimable %t, %v", name, d.Plan.Claimable(), err)
		}
	}
}

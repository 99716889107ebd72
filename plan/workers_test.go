package plan_test

import (
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// lost returns tasks of plan 7 whose workers are lost, each after the given number of earlier
// losses.
func lost(state task.State, losses ...int) []task.Task {
	tasks := make([]task.Task, len(losses))
	for i, n := range losses {
		tasks[i] = task.Task{
			ID: task.NewID(7, i+1), Worker: "w1",
			Control: task.Control{State: state, Attempt: 2, Losses: n},
		}
	}
	return tasks
}

func held(n int) func(*plan.Plan) { return func(p *plan.Plan) { p.Counters.Held = n } }

// Losses of a worker up to the limit release the task, and write no events.
func TestLoseTasksReleases(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Running: 3, task.Pending: 4}, held(3))
	d := p.LoseTasks(lost(task.Running, 0, 2), 3, plan.By{Now: noon()})
	if !d.Changed || len(d.Edits) != 2 || len(d.Events) != 0 || d.Plan.State != plan.Running {
		t.Fatalf("LoseTasks = %+v", d)
	}
	if c := d.Plan.Counters; c.Held != 1 || c.Of(task.Running) != 3 {
		t.Errorf("counters %+v", c)
	}
	for _, e := range d.Edits {
		if !e.Release || e.Attempt != 2 {
			t.Errorf("edit %+v", e)
		}
	}
}

// One loss too many fails the task, and the same decision judges the failure as any other.
func TestLoseTasksJudges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		plan plan.Plan
		want plan.State
		// other is the state of the task that did not lose its worker too often.
		other task.State
	}{
		"not tolerated": {in(plan.Running, counts{task.Running: 3, task.Pending: 4}, held(3), tolerates(0)), plan.Failed, task.Running},
		"tolerated":     {in(plan.Running, counts{task.Running: 3, task.Pending: 4}, held(3), tolerates(1)), plan.Running, task.Running},
		"with Pause":    {in(plan.Running, counts{task.Running: 3, task.Pending: 4}, held(3), tolerates(0), pausesOnBreach), plan.Paused, task.Running},
		"paused":        {in(plan.Paused, counts{task.Running: 3, task.Pending: 4}, held(3), tolerates(0)), plan.Paused, task.Paused},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := tt.plan.LoseTasks(lost(task.Running, 3, 0), 3, plan.By{Now: noon()})
			if d.Plan.State != tt.want {
				t.Fatalf("the plan is %s, want %s", d.Plan.State, tt.want)
			}
			c := d.Plan.Counters
			c.Move(tt.other, task.Running)
			if c.Held != 1 || c.Of(task.Running) != 2 || c.Of(task.Failed) != 1 {
				t.Errorf("counters %+v", d.Plan.Counters)
			}
			e := d.Events[0]
			if e.Task != task.NewID(7, 1) || e.To != "FAILED" || e.Failure == nil || e.Failure.ErrorCode != task.CodeWorkerLost {
				t.Errorf("event %+v", e)
			}
		})
	}
}

func TestLoseTasksOfUndos(t *testing.T) {
	t.Parallel()
	p := in(plan.RollingBack, counts{task.RollingBack: 1, task.RolledBack: 3}, held(1), undosExhausted)
	d := p.LoseTasks(lost(task.RollingBack, 3), 3, plan.By{Now: noon()})
	if d.Plan.State != plan.RollbackFailed || d.Edits[0].State != task.RollbackFailed {
		t.Errorf("the plan is %s, the task %s", d.Plan.State, d.Edits[0].State)
	}
}

// HaltTasks stops tasks that no worker holds, if a stop is in force for them, and no others.
func TestHaltTasks(t *testing.T) {
	t.Parallel()
	waiting := func() []task.Task {
		tasks := lost(task.Running, 0, 0, 0)
		for i := range tasks {
			tasks[i].Worker = ""
		}
		tasks[1].Request = task.PauseRequest
		tasks[2].Request = task.CancelRequest
		return tasks
	}
	tests := map[plan.State][3]string{
		plan.Running:     {"", "PAUSED", "CANCELLED"},
		plan.Failed:      {"", "PAUSED", "CANCELLED"},
		plan.Paused:      {"PAUSED", "PAUSED", "CANCELLED"},
		plan.Canceled:    {"CANCELLED", "CANCELLED", "CANCELLED"},
		plan.RollingBack: {"CANCELLED", "CANCELLED", "CANCELLED"},
	}
	for s, want := range tests {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			p := in(s, counts{task.Running: 3})
			d := p.HaltTasks(waiting(), plan.By{Now: noon()})
			got := [3]string{}
			for _, e := range d.Edits {
				got[e.ID.Ordinal()-1] = e.State.String()
				if alone := e.ID.Ordinal() == 2 && e.State == task.Paused; e.PausedIndividually != alone {
					t.Errorf("%s paused alone: %t", e.ID, e.PausedIndividually)
				}
			}
			if got != want || len(d.Events) != len(d.Edits) {
				t.Errorf("halted %v with %d events, want %v", got, len(d.Events), want)
			}
			if got, want := d.Plan.Counters.Of(task.Running), 3-len(d.Edits); got != want {
				t.Errorf("%d are counted as running, want %d", got, want)
			}
		})
	}
	if d := in(plan.Paused, counts{task.Running: 1}).HaltTasks(lost(task.Running, 0), plan.By{Now: noon()}); d.Changed {
		t.Errorf("a task with a worker was halted: %+v", d.Edits)
	}
}

// An undo of a canceled rollback stops if no worker holds it, or when its worker is lost. Without a
// cancel it waits for a worker.
func TestHaltTasksOfUndos(t *testing.T) {
	t.Parallel()
	undo := lost(task.RollingBack, 0)
	undo[0].Worker = ""
	p := in(plan.RollbackFailed, counts{task.RollingBack: 1, task.RolledBack: 3})
	p.Undo.Stopping = true
	d := p.HaltTasks(undo, plan.By{Now: noon()})
	if len(d.Edits) != 1 || d.Edits[0].State != task.RollbackFailed || d.Edits[0].Failure.ErrorCode != task.CodeRollbackStopped {
		t.Errorf("HaltTasks = %+v", d)
	}
	undo[0].Worker = "w1"
	p.Counters.Held = 1
	if d := p.LoseTasks(undo, 3, plan.By{Now: noon()}); len(d.Edits) != 1 || d.Edits[0].State != task.RollbackFailed || !d.Edits[0].Release || d.Plan.Counters.Held != 0 {
		t.Errorf("LoseTasks = %+v", d)
	}
	undo[0].Worker = ""
	p.Undo.Stopping = false
	if d := p.HaltTasks(undo, plan.By{Now: noon()}); d.Changed {
		t.Errorf("HaltTasks without a cancel = %+v", d)
	}
}

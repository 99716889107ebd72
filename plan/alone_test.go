package plan_test

import (
	"errors"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// Which running tasks without a worker are claimed depends on the plan's state, on a breach that no
// engine has acted on, and on what the tasks were asked.
func TestClaims(t *testing.T) {
	t.Parallel()
	claims := func(s plan.State, breached bool) (got [3]bool) {
		c := plan.Control{State: s}
		for i, r := range []task.Request{task.NoRequest, task.StartRequest, task.ExemptRequest} {
			got[i] = c.Claims(r, breached)
		}
		return got
	}
	for _, s := range states() {
		want := [2][3]bool{}
		switch s {
		case plan.Running:
			want = [2][3]bool{{true, true, true}, {true, false, true}}
		case plan.Failed:
			want = [2][3]bool{{true, false, true}, {true, false, true}}
		case plan.Paused:
			want = [2][3]bool{{false, false, true}, {false, false, true}}
		case plan.Created, plan.Completed, plan.Canceled, plan.RollingBack, plan.RolledBack, plan.RollbackFailed:
		}
		if got := [2][3]bool{claims(s, false), claims(s, true)}; got != want {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
}

// A breach drops the retries and resumes that are under way, whatever it leads to.
func TestBreachDropsSweeps(t *testing.T) {
	t.Parallel()
	for _, action := range []func(*plan.Plan){nil, pausesOnBreach, rollsBackOnBreach} {
		sweeping := func(p *plan.Plan) {
			p.Sweeps = []plan.Sweep{{Kind: plan.SweepRetry, After: 3}, {Kind: plan.SweepResume}, {Kind: plan.SweepResumeTasks}}
			if action != nil {
				action(p)
			}
		}
		d := in(plan.Running, counts{task.Failed: 6, task.Pending: 3}, breached, sweeping).Settle(noon())
		if len(d.Plan.Sweeps) != 0 || d.Plan.State == plan.Running {
			t.Errorf("it is %s and still sweeps %+v", d.Plan.State, d.Plan.Sweeps)
		}
	}
}

// In a failed plan the tasks that were to start are paused, as if the plan had paused them; all
// others go on. In a paused plan only exempt tasks go on.
func TestHaltOfWhatWasToStart(t *testing.T) {
	t.Parallel()
	tasks := row(task.Running, task.Running, task.Running)
	tasks[1].Request, tasks[2].Request = task.StartRequest, task.ExemptRequest
	for state, want := range map[plan.State][]int{plan.Running: nil, plan.Failed: {2}, plan.Paused: {1, 2}} {
		d := in(state, count(tasks), func(p *plan.Plan) { p.Counters.Starting, p.Counters.Exempt = 1, 1 }).HaltTasks(tasks, ann())
		if got := moved(t, d, task.Paused); len(got) != len(want) || len(got) > 0 && (got[0] != want[0] || got[len(got)-1] != want[len(want)-1]) {
			t.Errorf("%s: halted %v, want %v", state, got, want)
		}
		for _, e := range d.Edits {
			if e.PausedIndividually || e.Request != task.NoRequest {
				t.Errorf("%s: edit %+v", state, e)
			}
		}
	}
}

// Each way in which a failed plan runs again also wakes the tasks that no person has paused.
func TestEveryWayBackWakes(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]func(plan.Plan) (plan.Decision, error){
		"resume":     func(p plan.Plan) (plan.Decision, error) { return p.Resume(ann()) },
		"retry all":  func(p plan.Plan) (plan.Decision, error) { return p.RetryFailed(task.FromCheckpoint, ann()) },
		"retry task": func(p plan.Plan) (plan.Decision, error) { return p.RetryTask(failing(), task.FromCheckpoint, ann()) },
	} {
		d, err := back(in(plan.Failed, counts{task.Failed: 1, task.Paused: 2, task.Pending: 1}))
		if err != nil || d.Plan.State != plan.Running {
			t.Fatalf("%s: %s, %v", name, d.Plan.State, err)
		}
		wakes := false
		for _, s := range d.Plan.Sweeps {
			wakes = wakes || s.Kind == plan.SweepResume && s.Actor == "ann"
		}
		if !wakes {
			t.Errorf("%s sweeps %+v", name, d.Plan.Sweeps)
		}
	}
}

// A retry that leaves the plan stopped changes nothing but the task; a completed plan, of which
// nothing else is left to start, runs again.
func TestRetryAlone(t *testing.T) {
	t.Parallel()
	by := ann()
	by.StayStopped = true
	for state, want := range map[plan.State]plan.State{
		plan.Running: plan.Running, plan.Paused: plan.Paused, plan.Failed: plan.Failed, plan.Completed: plan.Running,
	} {
		p := in(state, counts{task.Failed: 1, task.Completed: 3, task.Paused: 1})
		if state == plan.Completed {
			p = in(state, counts{task.Failed: 1, task.Completed: 3})
		}
		d, err := p.RetryTask(failing(), task.FromCheckpoint, by)
		if err != nil || d.Plan.State != want || len(d.Edits) != 1 || d.Edits[0].Request != task.ExemptRequest || len(d.Plan.Sweeps) != 0 {
			t.Errorf("in %s: %s, edits %+v, sweeps %+v, %v", state, d.Plan.State, d.Edits, d.Plan.Sweeps, err)
		}
		if d.Plan.Counters.Exempt != 1 || !d.Plan.Claimable() {
			t.Errorf("in %s: %d exempt, claimable %t", state, d.Plan.Counters.Exempt, d.Plan.Claimable())
		}
	}
}

// While a wave is being undone, a task of another one can be tried alone, because the plan stays
// stopped; no task of that wave can, and no retry makes the plan run.
func TestRetryAloneBesideAnUndo(t *testing.T) {
	t.Parallel()
	by := ann()
	by.StayStopped = true
	for _, tt := range []struct {
		state   plan.State
		ordinal int
		undo    plan.Undo
		applies bool
	}{
		{plan.Failed, 1, plan.Undo{First: 3, Last: 4}, true},
		{plan.Failed, 1, plan.Undo{Next: 2}, true},
		{plan.Failed, 3, plan.Undo{First: 3, Last: 4}, false},
		{plan.Paused, 1, plan.Undo{First: 3, Last: 4}, true},
		{plan.Paused, 3, plan.Undo{First: 3, Last: 4}, false},
		{plan.Running, 3, plan.Undo{First: 1, Last: 2}, true},
		{plan.Running, 1, plan.Undo{First: 1, Last: 2}, false},
		{plan.Completed, 1, plan.Undo{First: 5, Last: 6}, false},
		{plan.Completed, 1, plan.Undo{First: 3, Last: 4}, true},
	} {
		p := inState(tt.state)
		p.Undo, p.Strategy.MaxFailures, p.Waves[1].MaxFailed = tt.undo, strategy.Count(1), 1
		become(&p, p.WaveOf(tt.ordinal), 1, task.Completed, task.Failed)
		failed := failing()
		failed.ID = task.NewID(7, tt.ordinal)
		d, err := p.RetryTask(failed, task.FromCheckpoint, by)
		if tt.applies != (err == nil) || err != nil && !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("%+v: %v", tt, err)
		}
		if err == nil && d.Plan.State != tt.state && tt.state != plan.Completed {
			t.Errorf("%+v: %s", tt, d.Plan.State)
		}
	}
}

// The undo of a wave cancels what runs in it, exempt or to start; elsewhere a failed plan pauses
// what was to start.
func TestHaltBesideAnUndo(t *testing.T) {
	t.Parallel()
	p := inState(plan.Failed)
	p.Undo = plan.Undo{Round: 2, First: 3, Last: 4}
	var tasks []task.Task
	for i, r := range []task.Request{task.StartRequest, task.ExemptRequest, task.StartRequest, task.ExemptRequest} {
		tasks = append(tasks, task.Task{ID: task.NewID(7, i+1), Control: task.Control{State: task.Running, Attempt: 2, Request: r}})
		become(&p, p.WaveOf(i+1), 1, task.Completed, task.Running)
		p.Counters.Unhold(r, 1)
	}
	d := p.HaltTasks(tasks, ann())
	want := map[int]task.State{1: task.Paused, 3: task.Canceled, 4: task.Canceled}
	for _, e := range d.Edits {
		if s, is := want[e.ID.Ordinal()]; !is || s != e.State {
			t.Errorf("task %s becomes %s", e.ID, e.State)
		}
	}
	if len(d.Edits) != len(want) || d.Plan.Counters.Exempt != 1 || d.Plan.Counters.Starting != 0 {
		t.Errorf("%d edits, %+v", len(d.Edits), d.Plan.Counters)
	}
}

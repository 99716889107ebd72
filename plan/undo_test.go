package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// inState returns a plan with waves of two tasks, of which the second is open, in a state.
func inState(s plan.State) plan.Plan {
	p := waved(2, 2, 4, 6)
	p.State, p.Undo.Round = s, 1
	switch s {
	case plan.Paused:
		p.PauseReasons = plan.PausedByHand
	case plan.Completed:
		p.Wave = 3
	case plan.RollbackFailed:
		p.UndosExhausted = true
	case plan.Created:
		p = waved(0, 2, 4, 6)
		p.State = plan.Created
	case plan.Running, plan.Failed, plan.Canceled, plan.RollingBack, plan.RolledBack:
	}
	return p
}

// TestRollbackWaveInEveryState gives the command for the passed, the open and the next wave.
func TestRollbackWaveInEveryState(t *testing.T) {
	t.Parallel()
	const late, same = "not applicable", "unchanged"
	tests := [plan.NumStates][3]string{
		plan.Created: {late, late, late}, plan.Running: {"applied", late, late},
		plan.Paused: {"applied", "applied", late}, plan.Failed: {"applied", "applied", late},
		plan.Completed: {"applied", "applied", "applied"}, plan.Canceled: {"applied", "applied", late},
		plan.RollingBack: {same, same, same}, plan.RolledBack: {same, same, same}, plan.RollbackFailed: {late, late, late},
	}
	for _, s := range states() {
		for i, want := range tests[s] {
			p := inState(s)
			d, err := p.RollbackWave(i+1, ann())
			if got := outcome(t, s, d, err); got != want {
				t.Errorf("wave %d in %s: %s, want %s; %v", i+1, s, got, want, err)
				continue
			}
			if err != nil {
				checkNotApplicable(t, err, plan.StateError{Plan: 7, Command: "rollback", PlanState: s})
			}
			if want != "applied" {
				continue
			}
			first := 2*i + 1
			if u := (plan.Undo{Round: 2, First: first, Last: first + 1}); d.Plan.Undo != u || !slices.Equal(d.Plan.Undone, []int{i + 1}) || d.Plan.AtRest() {
				t.Errorf("wave %d in %s: %+v, undone %d", i+1, s, d.Plan.Undo, d.Plan.Undone)
			}
			if e := d.Events[len(d.Events)-1]; e.Cause != "rollback" || e.Wave != i+1 || e.Actor != "ann" || e.From != e.To {
				t.Errorf("wave %d in %s: event %+v", i+1, s, e)
			}
		}
	}
}

// A rollback of a wave that there is not, or not yet, says so; nothing is done.
func TestRollbackOfNoWave(t *testing.T) {
	t.Parallel()
	busy := inState(plan.Running)
	busy.Undo = plan.Undo{Round: 2, First: 1, Last: 2, Open: true}
	owed := inState(plan.Failed)
	owed.Undo.Next = 2
	stopping := inState(plan.Completed)
	stopping.Undo.Stopping = true
	stopping.Counters.Move(task.Completed, task.RollingBack)
	for name, tt := range map[string]struct {
		plan plan.Plan
		wave int
		why  string
	}{
		"no waves":         {in(plan.Running, counts{task.Completed: 3, task.Pending: 1}), 1, "the plan has no waves"},
		"wave 0":           {inState(plan.Running), 0, "no wave 0"},
		"a wave too many":  {inState(plan.Running), 4, "there is no wave 4: the plan has the waves 1 to 3"},
		"negative":         {inState(plan.Paused), -1, "no wave -1"},
		"not opened":       {inState(plan.Paused), 3, "wave 3 has not opened"},
		"open and running": {inState(plan.Running), 2, "pause the plan first"},
		"another one":      {inWave(busy, 3), 2, "wave 1 is being undone"},
		"undos stop":       {stopping, 1, "still stopping"},
		"not started":      {inState(plan.Created), 1, "it has not been started"},
	} {
		d, err := tt.plan.RollbackWave(tt.wave, ann())
		var refused *plan.StateError
		if !errors.Is(err, plan.ErrNotApplicable) || !errors.As(err, &refused) || !strings.Contains(refused.Why, tt.why) || d.Plan.Undo != tt.plan.Undo {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d, err := busy.RollbackWave(1, ann()); err != nil || !d.Unchanged {
		t.Errorf("the wave that is being undone: %v", err)
	}
	if d, err := owed.RollbackWave(2, ann()); err != nil || d.Plan.Undo.First != 3 {
		t.Errorf("the wave that is about to be undone: %+v, %v", d.Plan.Undo, err)
	}
}

// inWave returns p with another open wave.
func inWave(p plan.Plan, wave int) plan.Plan {
	p.Wave = wave
	p.WaveCounters = slices.Clone(p.WaveCounters)
	p.WaveCounters[1].Ended = 2
	return p
}

// While the open wave is being undone the plan does not run again, and no task of it goes on; other
// tasks of a paused plan may be retried.
func TestNothingGoesOnInAWaveThatIsBeingUndone(t *testing.T) {
	t.Parallel()
	for _, s := range []plan.State{plan.Paused, plan.Failed} {
		p := inState(s)
		become(&p, 2, 1, task.Pending, task.Failed)
		become(&p, 1, 1, task.Completed, task.Failed)
		p.Strategy.MaxFailures, p.Waves[0].MaxFailed = strategy.Count(0), 0
		p.Undo = plan.Undo{Round: 2, First: 3, Last: 4, Open: true}
		failed := func(ordinal int) task.Task {
			return task.Task{ID: task.NewID(7, ordinal), Control: task.Control{State: task.Failed, Attempt: 1}}
		}
		if _, err := p.Resume(ann()); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("resume in %s: %v", s, err)
		}
		if _, err := p.RetryTask(failed(3), task.FromScratch, ann()); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("retry of its task in %s: %v", s, err)
		}
		paused := failed(3)
		paused.State = task.Paused
		if _, err := p.ResumeTask(paused, ann()); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("resume of its task in %s: %v", s, err)
		}
		_, one := p.RetryTask(failed(1), task.FromScratch, ann())
		_, all := p.RetryFailed(task.FromScratch, ann())
		if runs := s != plan.Paused; errors.Is(one, plan.ErrNotApplicable) != runs || errors.Is(all, plan.ErrNotApplicable) != runs {
			t.Errorf("retry of another task, and of all, in %s: %v, %v", s, one, all)
		}
		sweep := p
		sweep.Sweeps = []plan.Sweep{{Kind: plan.SweepRetry}}
		d := sweep.Sweep([]task.Task{failed(1), failed(3)}, 0, func(task.ID) bool { return false }, ann())
		if len(d.Edits) != 1 || d.Edits[0].ID.Ordinal() != 1 {
			t.Errorf("the sweep in %s edits %+v", s, d.Edits)
		}
	}
}

// The undo of a wave stops what runs in it, and nothing else.
func TestStopsOfAWaveThatIsBeingUndone(t *testing.T) {
	t.Parallel()
	p := inState(plan.Running)
	p.Undo = plan.Undo{Round: 2, First: 3, Last: 4}
	running := task.Control{State: task.Running}
	for ordinal, want := range map[int]task.Stop{1: task.Go, 2: task.Go, 3: task.StopCancel, 4: task.StopCancel, 5: task.Go} {
		if got := p.StopFor(ordinal, running); got != want {
			t.Errorf("task %d: %s, want %s", ordinal, got, want)
		}
	}
	if got := p.StopFor(3, task.Control{State: task.RollingBack}); got != task.Go {
		t.Errorf("an undo: %s", got)
	}
	p.State = plan.Paused
	if got := p.StopFor(3, running); got != task.StopCancel {
		t.Errorf("in a paused plan: %s", got)
	}
	if got := p.StopFor(5, running); got != task.StopPause {
		t.Errorf("another task of a paused plan: %s", got)
	}
}

// The undo of the open wave takes back the approvals of later ones and begins the way to them anew;
// that of a wave that has passed does not. A resume says what it goes on with.
func TestTheWayAfterAnUndo(t *testing.T) {
	t.Parallel()
	p := inState(plan.Paused)
	p.Gate, p.Approved = plan.GateBaked, []int{2, 3}
	for wave, want := range map[int]plan.Plan{
		1: {Control: plan.Control{Gate: plan.GateBaked, Approved: []int{2, 3}}},
		2: {Control: plan.Control{Gate: plan.GateNone, Approved: []int{2}}},
	} {
		d, err := p.RollbackWave(wave, ann())
		if err != nil || d.Plan.Gate != want.Gate || !slices.Equal(d.Plan.Approved, want.Approved) {
			t.Errorf("wave %d: gate %d, approved %d, %v", wave, d.Plan.Gate, d.Plan.Approved, err)
		}
	}
	p.Undone = []int{2}
	d, err := p.Resume(ann())
	if err != nil {
		t.Fatal(err)
	}
	if e := d.Events[len(d.Events)-1]; e.Cause != "resume" || e.Wave != 2 || e.Actor != "" || !strings.Contains(e.Reason, "2 pending tasks") {
		t.Errorf("the last event of the resume: %+v", e)
	}
}

// A breach with the action RollbackWave fails the plan, then undoes the wave whose tolerance is
// exceeded, otherwise the open one; if another one is being undone, after that.
func TestBreachUndoesAWave(t *testing.T) {
	t.Parallel()
	breach := func(wave int, edit func(*plan.Plan)) plan.Plan {
		p := inState(plan.Running)
		p.Strategy.FailureAction, p.Strategy.MaxFailures = strategy.RollbackWave, strategy.Count(1)
		for i := range p.Waves {
			p.Waves[i].MaxFailed = 1
		}
		p.Grant.MaxFailed, p.Breached = 1, true
		become(&p, 2, 1, task.Pending, task.Failed)
		become(&p, wave, 1, task.Completed, task.Failed)
		edit(&p)
		return p
	}
	none := func(*plan.Plan) {}
	own := breach(1, none)
	become(&own, 1, 1, task.Completed, task.Failed)
	for name, tt := range map[string]struct {
		plan plan.Plan
		want plan.Undo
	}{
		"only the plan has too many":  {breach(1, none), plan.Undo{Round: 2, First: 3, Last: 4}},
		"an earlier wave has":         {own, plan.Undo{Round: 2, First: 1, Last: 2}},
		"another one is being undone": {breach(1, func(p *plan.Plan) { p.Undo = plan.Undo{Round: 1, First: 1, Last: 2} }), plan.Undo{Round: 1, First: 1, Last: 2, Next: 2, Open: true}},
	} {
		d := tt.plan.Settle(noon())
		if d.Plan.State != plan.Failed || d.Plan.Undo != tt.want || d.Plan.AtRest() {
			t.Errorf("%s: %s, %+v", name, d.Plan.State, d.Plan.Undo)
		}
		if e := d.Events[0]; e.Cause != "breach" || !strings.Contains(e.Reason, "tolerated") {
			t.Errorf("%s: event %+v", name, e)
		}
	}
}

// A cancel stops the undo of a wave in any state; the undos that it finds are told to stop until
// none is left.
func TestCancelStopsTheUndoOfAWave(t *testing.T) {
	t.Parallel()
	for _, s := range []plan.State{plan.Running, plan.Paused, plan.Failed, plan.Completed, plan.Canceled} {
		p := inState(s)
		become(&p, 1, 1, task.Completed, task.RollingBack)
		p.Undo = plan.Undo{Round: 2, First: 1, Last: 2, Open: true}
		d, err := p.Cancel(ann())
		if want := (plan.Undo{Round: 2, Stopping: true}); err != nil || d.Plan.Undo != want {
			t.Errorf("in %s: %+v, %v", s, d.Plan.Undo, err)
		}
		if _, err := d.Plan.Rollback(ann()); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("rollback while undos stop in %s: %v", d.Plan.State, err)
		}
		d.Plan.Counters.Move(task.RollingBack, task.RollbackFailed)
		if d := d.Plan.Settle(noon()); d.Plan.Undo.Stopping {
			t.Errorf("in %s undos stop for ever", s)
		}
	}
}

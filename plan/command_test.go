package plan_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// someTasks returns counts that fit the state of a plan at rest: some tasks completed, some failed,
// and some pending if the state allows it.
func someTasks(s plan.State) counts {
	c := counts{task.Completed: 3, task.Failed: 1}
	switch s {
	case plan.Created:
		return counts{task.Pending: 4}
	case plan.Running, plan.Paused, plan.Failed:
		c[task.Pending] = 2
	case plan.Canceled:
		c[task.Canceled] = 2
	case plan.RollingBack:
		c[task.RollingBack] = 1
	case plan.RolledBack:
		return counts{task.RolledBack: 4, task.Canceled: 2}
	case plan.RollbackFailed:
		return counts{task.RolledBack: 4, task.RollbackFailed: 2}
	case plan.Completed:
	}
	return c
}

// TestPlanCommands gives every command to a plan in every state. An answer that is a state is the
// state that the plan moves to.
func TestPlanCommands(t *testing.T) {
	t.Parallel()
	const late, same = "not applicable", "unchanged"
	tests := map[string][plan.NumStates]string{
		"start":    {"RUNNING", same, late, late, late, late, late, late, late},
		"pause":    {late, "PAUSED", same, late, late, late, late, late, late},
		"resume":   {late, same, "RUNNING", "RUNNING", late, late, late, late, late},
		"cancel":   {"CANCELLED", "CANCELLED", "CANCELLED", "CANCELLED", late, same, "ROLLBACK_FAILED", late, late},
		"retry":    {late, "applied", "applied", "RUNNING", "RUNNING", late, late, late, late},
		"rollback": {late, "ROLLING_BACK", "ROLLING_BACK", "ROLLING_BACK", "ROLLING_BACK", "ROLLING_BACK", same, same, "ROLLING_BACK"},
	}
	for name, command := range planCommands() {
		for _, s := range states() {
			t.Run(name+" in "+s.String(), func(t *testing.T) {
				t.Parallel()
				p := in(s, someTasks(s))
				if s == plan.Created {
					markedStarting(&p)
				}
				before := p.Counters
				d, err := command(p, ann())
				if got, want := outcome(t, s, d, err), tests[name][s]; got != want {
					t.Fatalf("%s, want %s", got, want)
				}
				if d.Plan.Counters.Total() != before.Total() || p.Counters != before {
					t.Errorf("tasks were lost: %v of %v", d.Plan.Counters, before)
				}
				if err != nil {
					checkNotApplicable(t, err, plan.StateError{Plan: 7, Command: name, PlanState: s})
				}
			})
		}
	}
}

// checkNotApplicable compares the fields of the error, except Why.
func checkNotApplicable(t *testing.T, err error, want plan.StateError) {
	t.Helper()
	var late *plan.StateError
	if !errors.As(err, &late) {
		t.Fatalf("%v is no *StateError", err)
	}
	want.Why = late.Why
	if *late != want {
		t.Errorf("the error has %+v, want %+v", *late, want)
	}
}

func TestPlanCommandsInSpecialCases(t *testing.T) {
	t.Parallel()
	commands := planCommands()
	tests := map[string]struct {
		plan    plan.Plan
		command string
		want    string
	}{
		"start without a mark":      {in(plan.Created, counts{task.Pending: 4}), "start", "not applicable"},
		"pause, paused by breach":   {in(plan.Paused, someTasks(plan.Paused), pausedByBreach), "pause", "applied"},
		"resume, paused by breach":  {in(plan.Paused, someTasks(plan.Paused), pausedByBreach), "resume", "RUNNING"},
		"cancel while starting":     {in(plan.Created, counts{task.Pending: 4}, markedStarting), "cancel", "CANCELLED"},
		"retry without failures":    {in(plan.Failed, counts{task.Completed: 4}), "retry", "unchanged"},
		"rollback, undos stopping":  {in(plan.RollbackFailed, counts{task.RollingBack: 1}, undosStopping), "rollback", "not applicable"},
		"rollback, undos stopped":   {in(plan.RollbackFailed, counts{task.RollbackFailed: 1}, undosStopping), "rollback", "ROLLING_BACK"},
		"pause, all ended":          {in(plan.Running, counts{task.Completed: 4}), "pause", "not applicable"},
		"cancel, all ended":         {in(plan.Running, counts{task.Completed: 4}), "cancel", "not applicable"},
		"cancel, rollback finished": {in(plan.RollingBack, counts{task.RolledBack: 4}, undosExhausted), "cancel", "not applicable"},
		"pause after a breach":      {in(plan.Running, counts{task.Pending: 1, task.Failed: 6}, breached), "pause", "not applicable"},
		"pause, failed, in flight":  {in(plan.Failed, counts{task.Pending: 1, task.Failed: 6, task.Running: 1}), "pause", "PAUSED"},
		"pause, failed, an undo":    {in(plan.Failed, counts{task.Failed: 6, task.RollingBack: 1}), "pause", "PAUSED"},
		"pause, failed, all ended":  {in(plan.Failed, counts{task.Failed: 1, task.Completed: 3}), "pause", "not applicable"},
		"resume after a breach":     {in(plan.Running, counts{task.Pending: 1, task.Failed: 6}, breached), "resume", "applied"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := commands[tt.command](tt.plan, ann())
			if got := outcome(t, tt.plan.State, d, err); got != tt.want {
				t.Errorf("%s in %s, want %s", got, d.Plan.State, tt.want)
			}
		})
	}
}

// With the first tasks that a start skips, its mark stays: it is neither removed nor replaced, and
// only a cancel ends it.
func TestStartThatHasSkippedKeepsItsMark(t *testing.T) {
	t.Parallel()
	created := in(plan.Created, counts{task.Pending: 4})
	held := []plan.HeldTask{{Task: task.Task{ID: task.NewID(created.ID, 2)}, By: task.NewID(9, 1)}}
	if _, err := plan.SkipHeld(created, held, ann()); !errors.Is(err, plan.ErrNotApplicable) {
		t.Errorf("without a mark: %v", err)
	}
	marked, _ := created.MarkStarting(33, time.Minute, ann())
	skipped, err := plan.SkipHeld(marked.Plan, held, ann())
	if err != nil || len(skipped.Edits) != 1 || !skipped.Plan.Starting.Skipping || marked.Plan.Starting.Skipping || skipped.Plan.Counters.Of(task.Skipped) != 1 {
		t.Fatalf("SkipHeld = %+v, %v", skipped, err)
	}
	held[0].State = task.Skipped
	if d, err := plan.SkipHeld(skipped.Plan, held, ann()); err != nil || !d.Unchanged || d.Changed {
		t.Errorf("once more: %+v, %v", d, err)
	}
	if d := skipped.Plan.UnmarkStarting(ann()); d.Changed {
		t.Errorf("unmarked: %+v", d.Plan.Starting)
	}
	again, err := skipped.Plan.MarkStarting(44, time.Hour, ann())
	if s := again.Plan.Starting; err != nil || s.Token != 33 || !s.Skipping || s.TTL != time.Hour {
		t.Errorf("marked again: %+v, %v", s, err)
	}
	if d, err := skipped.Plan.Cancel(ann()); err != nil || d.Plan.Starting != nil {
		t.Errorf("canceled: %+v, %v", d.Plan.Starting, err)
	}
}

func TestStartMarks(t *testing.T) {
	t.Parallel()
	created := in(plan.Created, counts{task.Pending: 4})
	marked, err := created.MarkStarting(33, time.Minute, ann())
	if err != nil || !marked.Changed || len(marked.Events) != 0 || marked.Plan.State != plan.Created {
		t.Fatalf("MarkStarting = %+v, %v", marked, err)
	}
	if want := (plan.Starting{Token: 33, TTL: time.Minute, Actor: "ann", Reason: "window"}); *marked.Plan.Starting != want {
		t.Errorf("the mark is %+v, want %+v", *marked.Plan.Starting, want)
	}
	if created.Starting != nil {
		t.Error("the plan that was marked has changed itself")
	}

	started, err := marked.Plan.Start(ann())
	if p := started.Plan; err != nil || p.Starting != nil || p.StartToken != 33 || !p.StartedAt.Equal(noon()) || p.StartedBy != "ann" {
		t.Errorf("Start = %+v, %v", p.Control, err)
	}
	if g := started.Plan.Grant; g.LastOrdinal != 4 || g.MaxSlots != 1 || g.MaxFailed != 4 {
		t.Errorf("the grant is %+v", g)
	}

	back := marked.Plan.UnmarkStarting(ann())
	if !back.Changed || back.Plan.Starting != nil || back.Plan.StartToken != 0 || len(back.Events) != 0 {
		t.Errorf("UnmarkStarting = %+v", back)
	}
	if again := back.Plan.UnmarkStarting(ann()); again.Changed {
		t.Error("there was nothing to unmark")
	}

	if d, err := started.Plan.MarkStarting(34, time.Minute, ann()); err != nil || !d.Unchanged || d.Changed {
		t.Errorf("marking a running plan: %+v, %v", d, err)
	}
	_, err = in(plan.Canceled, counts{task.Canceled: 4}).MarkStarting(35, time.Minute, ann())
	checkNotApplicable(t, err, plan.StateError{Plan: 7, Command: "start", PlanState: plan.Canceled})
}

// A command does not change the plan value that it was called on, whatever the state.
func TestCommandsLeaveTheirPlanAlone(t *testing.T) {
	t.Parallel()
	for _, s := range states() {
		p := in(s, someTasks(s), func(p *plan.Plan) {
			p.Counters.Move(task.Completed, task.Paused)
			p.Sweeps = append(make([]plan.Sweep, 0, 4), plan.Sweep{Kind: plan.SweepResume, After: 2}, plan.Sweep{Kind: plan.SweepRetry})
		})
		before, sweeps := p, append([]plan.Sweep(nil), p.Sweeps[:4]...)
		for name, command := range planCommands() {
			if _, err := command(p, ann()); err != nil && !errors.Is(err, plan.ErrNotApplicable) {
				t.Error(err)
			}
			if !reflect.DeepEqual(p, before) || !reflect.DeepEqual(p.Sweeps[:4], sweeps) {
				t.Errorf("%s in %s changed its plan to %+v", name, s, p)
			}
		}
		p.Sweep(nil, 3, nil, ann())
		if !reflect.DeepEqual(p, before) || !reflect.DeepEqual(p.Sweeps[:4], sweeps) {
			t.Errorf("Sweep in %s changed its plan to %+v", s, p)
		}
	}
}

func TestStateErrorText(t *testing.T) {
	t.Parallel()
	tests := map[string]plan.StateError{
		"plan 7: pause does not apply to a plan in state COMPLETED": {
			Plan: 7, Command: "pause", PlanState: plan.Completed,
		},
		"plan 7: rollback does not apply to a plan in state CREATED: it has not been started": {
			Plan: 7, Command: "rollback", PlanState: plan.Created, Why: "it has not been started",
		},
		"task 7000001: retry does not apply to a task in state PENDING of a plan in state RUNNING": {
			Plan: 7, Task: 7_000_001, Command: "retry", PlanState: plan.Running, TaskState: task.Pending,
		},
	}
	for want, e := range tests {
		if got := e.Error(); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

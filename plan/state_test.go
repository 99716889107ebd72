package plan_test

import (
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// states returns all states in the order of their values.
func states() []plan.State {
	all := make([]plan.State, plan.NumStates)
	for i := range all {
		all[i] = plan.State(i)
	}
	return all
}

func TestStateNames(t *testing.T) {
	t.Parallel()
	// Stores and clients have stored these words, so they must not change.
	want := []string{
		"CREATED", "RUNNING", "PAUSED", "FAILED", "COMPLETED",
		"CANCELLED", "ROLLING_BACK", "ROLLED_BACK", "ROLLBACK_FAILED",
	}
	if len(want) != plan.NumStates {
		t.Fatalf("%d states, want %d", plan.NumStates, len(want))
	}
	for i, s := range states() {
		if s.String() != want[i] {
			t.Errorf("state %d is %s, want %s", i, s, want[i])
		}
		if got, err := plan.ParseState(want[i]); err != nil || got != s {
			t.Errorf("ParseState(%s) = %s, %v", want[i], got, err)
		}
	}
	if got := plan.State(plan.NumStates).String(); got != "State(9)" {
		t.Errorf("a state that does not exist is %s", got)
	}
	for _, name := range []string{"", "running", "RUNNING ", "State(9)", "PENDING"} {
		if s, err := plan.ParseState(name); err == nil {
			t.Errorf("ParseState(%q) = %s, want an error", name, s)
		}
	}
}

func TestCauseNames(t *testing.T) {
	t.Parallel()
	want := []string{
		"create", "start", "pause", "breach", "resume", "success", "failure",
		"retry", "cancel", "rollback", "undo", "undo failure", "skip",
		"wave", "bake", "approval", "approve", "reject", "tune", "add",
		"skip tasks", "pause tasks", "resume tasks", "cancel tasks", "rollback tasks", "note", "Cause(26)",
	}
	for i, name := range want {
		if got := plan.Cause(i).String(); got != name {
			t.Errorf("cause %d is %s, want %s", i, got, name)
		}
	}
}

func TestSweepKindNames(t *testing.T) {
	t.Parallel()
	for i, name := range []string{
		"resume", "retry", "cancel", "skip tasks", "pause tasks", "resume tasks", "cancel tasks", "rollback tasks", "SweepKind(8)",
	} {
		if got := plan.SweepKind(i).String(); got != name {
			t.Errorf("kind %d is %s, want %s", i, got, name)
		}
	}
}

// The state of a plan determines which stop is in force for its running tasks, whether running
// tasks are claimed, and whether pending tasks count as canceled.
func TestStateControlsTasks(t *testing.T) {
	t.Parallel()
	tests := map[plan.State]struct {
		stop                          task.Stop
		claimsRunning, cancelsPending bool
	}{
		plan.Created:        {task.Go, false, false},
		plan.Running:        {task.Go, true, false},
		plan.Paused:         {task.StopPause, false, false},
		plan.Failed:         {task.Go, true, false},
		plan.Completed:      {task.Go, false, false},
		plan.Canceled:       {task.StopCancel, false, true},
		plan.RollingBack:    {task.StopCancel, false, true},
		plan.RolledBack:     {task.StopCancel, false, true},
		plan.RollbackFailed: {task.StopCancel, false, true},
	}
	for _, s := range states() {
		want, ok := tests[s]
		if !ok {
			t.Errorf("%s has no row", s)
		}
		if s.Stop() != want.stop || s.ClaimsRunning() != want.claimsRunning || s.CancelsPending() != want.cancelsPending {
			t.Errorf("%s: stop %s, claims running %t, cancels pending %t",
				s, s.Stop(), s.ClaimsRunning(), s.CancelsPending())
		}
	}
}

// An undo continues until the rollback is canceled, whatever stop the plan's state puts in force
// for running tasks.
func TestStopForUndos(t *testing.T) {
	t.Parallel()
	undo := task.Control{State: task.RollingBack, Attempt: 1}
	running := task.Control{State: task.Running, Attempt: 1}
	for _, s := range states() {
		c := plan.Control{State: s}
		if got := c.StopFor(1, undo); got != task.Go {
			t.Errorf("an undo in %s: %s", s, got)
		}
		if got := c.StopFor(1, running); got != s.Stop() {
			t.Errorf("a running task in %s: %s, want %s", s, got, s.Stop())
		}
	}
	stopping := plan.Control{State: plan.RollbackFailed, Undo: plan.Undo{Stopping: true}}
	if got := stopping.StopFor(1, undo); got != task.StopCancel {
		t.Errorf("an undo of a cancelled rollback: %s", got)
	}
}

func TestPauseReasons(t *testing.T) {
	t.Parallel()
	both := plan.PausedByHand | plan.PausedByBreach
	if !both.Has(plan.PausedByHand) || !both.Has(both) || plan.PausedByHand.Has(both) {
		t.Error("Has asks for all of its argument")
	}
	if got := both.Strings(); len(got) != 2 || got[0] != "hand" || got[1] != "breach" {
		t.Errorf("Strings = %v", got)
	}
	if got := plan.PauseReasons(0).Strings(); got != nil {
		t.Errorf("no reason is %v", got)
	}
}

func TestCounters(t *testing.T) {
	t.Parallel()
	var c plan.Counters
	for s := range task.NumStates {
		c.States[s] = 1 << s
	}
	if got, want := c.Total(), 1<<task.NumStates-1; got != want {
		t.Errorf("Total = %d, want %d", got, want)
	}
	if got, want := c.InFlight(), 1<<task.Running+1<<task.RollingBack; got != want {
		t.Errorf("InFlight = %d, want %d", got, want)
	}
	notEnded := 1<<task.Pending + 1<<task.Running + 1<<task.Paused + 1<<task.RollingBack
	if got, want := c.Ended(), c.Total()-notEnded; got != want {
		t.Errorf("Ended = %d, want %d", got, want)
	}
	c.Move(task.Running, task.Completed)
	if c.Of(task.Running) != 1<<task.Running-1 || c.Of(task.Completed) != 1<<task.Completed+1 {
		t.Errorf("Move left %v", c.States)
	}
	c.CancelPending()
	if c.Of(task.Pending) != 0 || c.Of(task.Canceled) != 1<<task.Canceled+1 {
		t.Errorf("CancelPending left %v", c.States)
	}
}

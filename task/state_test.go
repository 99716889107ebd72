package task_test

import (
	"testing"

	"github.com/cutover-go/cutover/task"
)

// states returns all states in the order of their values.
func states() []task.State {
	all := make([]task.State, task.NumStates)
	for i := range all {
		all[i] = task.State(i)
	}
	return all
}

// causes returns all causes in the order of their values.
func causes() []task.Cause {
	var all []task.Cause
	for c := task.ByClaim; c <= task.ByUndoFailure; c++ {
		all = append(all, c)
	}
	return all
}

func TestStateNames(t *testing.T) {
	t.Parallel()
	// Stores and clients have stored these words, so they must not change.
	want := []string{
		"PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED",
		"SKIPPED", "CANCELLED", "ROLLING_BACK", "ROLLED_BACK", "ROLLBACK_FAILED",
	}
	if len(want) != task.NumStates {
		t.Fatalf("%d states, want %d", task.NumStates, len(want))
	}
	for i, s := range states() {
		if s.String() != want[i] {
			t.Errorf("state %d is %s, want %s", i, s, want[i])
		}
		if got, err := task.ParseState(want[i]); err != nil || got != s {
			t.Errorf("ParseState(%s) = %s, %v", want[i], got, err)
		}
	}
	if got := task.State(task.NumStates).String(); got != "State(10)" {
		t.Errorf("a state that does not exist is %s", got)
	}
	for _, name := range []string{"", "running", "RUNNING ", "State(10)", "CREATED"} {
		if s, err := task.ParseState(name); err == nil {
			t.Errorf("ParseState(%q) = %s, want an error", name, s)
		}
	}
}

func TestCauseNames(t *testing.T) {
	t.Parallel()
	want := []string{
		"claim", "skip", "cancel", "pause", "success", "failure",
		"resume", "retry", "rollback", "undo", "undo failure",
	}
	all := causes()
	if len(all) != len(want) {
		t.Fatalf("%d causes, want %d", len(all), len(want))
	}
	for i, c := range all {
		if c.String() != want[i] {
			t.Errorf("cause %d is %s, want %s", i, c, want[i])
		}
	}
	if got := task.Cause(len(want)).String(); got != "Cause(11)" {
		t.Errorf("a cause that does not exist is %s", got)
	}
}

func TestStateClasses(t *testing.T) {
	t.Parallel()
	tests := map[task.State]struct{ inFlight, ended, releases bool }{
		task.Pending:        {},
		task.Running:        {inFlight: true},
		task.Paused:         {},
		task.Completed:      {ended: true, releases: true},
		task.Failed:         {ended: true},
		task.Skipped:        {ended: true, releases: true},
		task.Canceled:       {ended: true, releases: true},
		task.RollingBack:    {inFlight: true},
		task.RolledBack:     {ended: true, releases: true},
		task.RollbackFailed: {ended: true},
	}
	for _, s := range states() {
		want, ok := tests[s]
		if !ok {
			t.Errorf("%s has no row", s)
		}
		if s.InFlight() != want.inFlight || s.Ended() != want.ended || s.Releases() != want.releases {
			t.Errorf("%s: in flight %t, ended %t, releases %t", s, s.InFlight(), s.Ended(), s.Releases())
		}
	}
}

func TestRequestAndStopNames(t *testing.T) {
	t.Parallel()
	for r, want := range map[task.Request]string{
		task.NoRequest: "none", task.PauseRequest: "pause", task.CancelRequest: "cancel",
		task.ExemptRequest: "exempt", task.StartRequest: "start",
	} {
		if r.String() != want {
			t.Errorf("request %d is %s, want %s", r, r, want)
		}
	}
	for s, want := range map[task.Stop]string{
		task.Go: "go", task.StopPause: "pause", task.StopCancel: "cancel",
	} {
		if s.String() != want {
			t.Errorf("stop %d is %s, want %s", s, s, want)
		}
	}
}

package canary_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/executor/executortest"
)

func TestTheWeightRisesInSteps(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{})
	run, err := executortest.NewRun(t).Finish(l)
	if err != nil {
		t.Fatal(err)
	}
	l.wantWeight(t, 100)
	l.wantSet(t, 5, 25, 50, 100)
	if want := slices.Repeat([]time.Duration{5 * time.Minute}, 4); !slices.Equal(run.Waits(), want) {
		t.Errorf("waited %s", run.Waits())
	}
	var got []string
	for _, c := range l.Calls(tenantID, canarytest.SetWeight, canarytest.Check) {
		got = append(got, string(c.Op)+" "+strings.TrimSpace(c.Key))
	}
	want := []string{
		"set 1000001/RAISE_TO_5", "check ", "set 1000001/RAISE_TO_25", "check ",
		"set 1000001/RAISE_TO_50", "check ", "set 1000001/RAISE_TO_100", "check ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("calls %q", got)
	}
	var steps []string
	for _, c := range run.Saved() {
		steps = append(steps, c.Step)
	}
	want = []string{
		"GET_WEIGHT", "RAISE_TO_5", "CHECK_AT_5", "RAISE_TO_25", "CHECK_AT_25", "RAISE_TO_50", "CHECK_AT_50", "RAISE_TO_100",
	}
	if !slices.Equal(steps, want) {
		t.Errorf("saved %q", steps)
	}
	if err := run.FromScratch().Rollback(l); err != nil {
		t.Fatal(err)
	}
	l.wantWeight(t, 0)
}

func TestTheCheckpointTellsPeopleAboutTheHold(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{Steps: canary.Steps(time.Hour, 10, 100)})
	run := executortest.NewRun(t)
	before := time.Now().Truncate(time.Second)
	if err := run.Execute(l); err == nil {
		t.Fatal("it did not wait")
	}
	var data struct {
		CompletedSteps []string `json:"completedSteps"`
		Weight         int      `json:"weight"`
		Hold           struct{ Until time.Time }
	}
	c := run.Task().Checkpoint
	if err := json.Unmarshal(c.Data, &data); err != nil {
		t.Fatal(err)
	}
	if c.Step != "RAISE_TO_10" || !slices.Equal(data.CompletedSteps, []string{"GET_WEIGHT", "RAISE_TO_10"}) || data.Weight != 10 {
		t.Errorf("checkpoint %s %s", c.Step, c.Data)
	}
	if d := data.Hold.Until.Sub(before); d < time.Hour || d > 2*time.Hour || data.Hold.Until.Location() != time.UTC {
		t.Errorf("held until %s", data.Hold.Until)
	}
}

func TestWhatIsNotAboveTheWeightFoundIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		found int
		want  []int
		end   int
	}{
		"in between":     {25, []int{50, 100}, 100},
		"on the way":     {30, []int{50, 100}, 100},
		"there already":  {100, []int{100}, 100}, // written, so that an older change that is late is refused
		"the first step": {5, []int{25, 50, 100}, 100},
	} {
		l := newLab(t, canary.Config{})
		l.Put(canarytest.Tenant{ID: tenantID, Weight: c.found})
		run, err := executortest.NewRun(t).Finish(l)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		l.wantSet(t, c.want...)
		l.wantWeight(t, c.end)
		if n := len(l.Calls(tenantID, canarytest.Check)); n != len(c.want) || len(run.Waits()) != n {
			t.Errorf("%s: %d checks, %d waits", name, n, len(run.Waits()))
		}
		if err := run.FromScratch().Rollback(l); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		l.wantWeight(t, c.found)
	}
}

// TestATaskKeepsItsSteps changes the configuration between two runs of a task and before its
// rollback. Another task gets the new steps.
func TestATaskKeepsItsSteps(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{Steps: canary.Steps(time.Minute, 10, 20)})
	run := executortest.NewRun(t)
	if err := run.Execute(l); err == nil {
		t.Fatal("it did not wait")
	}
	l.Executor = connect(t, l.World, canary.Config{Steps: canary.Steps(time.Hour, 1, 99)})
	run, err := run.Again().Finish(l)
	if err != nil || !slices.Equal(run.Waits(), []time.Duration{time.Minute, time.Minute}) {
		t.Fatalf("waited %s: %v", run.Waits(), err)
	}
	l.wantSet(t, 10, 20)
	if err := run.FromScratch().Rollback(l); err != nil {
		t.Fatal(err)
	}
	l.wantWeight(t, 0)
	if _, err := executortest.NewRun(t, executortest.Token(99)).Finish(l); err != nil {
		t.Fatal(err)
	}
	l.wantWeight(t, 99)
}

func TestATaskThatDidNothingHasNothingToUndo(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{})
	if err := executortest.NewRun(t).Rollback(l); err != nil || len(l.Calls(tenantID)) != 0 {
		t.Errorf("%v, %d calls", err, len(l.Calls(tenantID)))
	}
}

func TestWhatOthersSavedIsRefused(t *testing.T) {
	t.Parallel()
	origin := map[string]any{"foundWeight": 0, "steps": []map[string]int{{"weight": 5, "holdMillis": 1}}}
	for name, options := range map[string][]executortest.Option{
		"no undo entry":       {executortest.Checkpoint("GET_WEIGHT", map[string]any{"completedSteps": []string{}})},
		"an empty undo entry": {executortest.Undo("RAISE_WEIGHT", struct{}{})},
		"other data":          {executortest.Undo("RAISE_WEIGHT", origin), executortest.Checkpoint("N", map[string]int{"n": 1})},
		"no object":           {executortest.Undo("RAISE_WEIGHT", origin), executortest.Checkpoint("N", 7)},
		"a check too many":    {executortest.Undo("RAISE_WEIGHT", origin), executortest.Checkpoint("N", map[string]any{"completedSteps": []string{}, "raised": 1, "passed": true})},
		"a step too many":     {executortest.Undo("RAISE_WEIGHT", origin), executortest.Checkpoint("N", map[string]any{"completedSteps": []string{}, "raised": 2})},
	} {
		l := newLab(t, canary.Config{})
		wantFailure(t, executortest.NewRun(t, options...).Execute(l), "CHECKPOINT_INVALID", false)
		if len(l.Calls(tenantID)) != 0 {
			t.Errorf("%s: %+v", name, l.Calls(tenantID))
		}
	}
}

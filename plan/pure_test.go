package plan_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// checkPure verifies that the same plan always leads to the same decision, and that a decision
// leaves the plan alone that it was made from.
func (w *world) checkPure(t *rapid.T) {
	w.t.Helper()
	before, by := deep(w.plan), w.by("eve")
	tuning, of := drawTuning(t, len(w.plan.Waves)), w.tasks[rapid.IntRange(1, len(w.tasks)).Draw(t, "of")-1]
	decide := map[string]func() (plan.Decision, error){
		"settle": func() (plan.Decision, error) { return w.plan.Settle(w.now()), nil },
		"note":   func() (plan.Decision, error) { return plan.Note(w.plan, by) },
		"tune":   func() (plan.Decision, error) { return w.plan.Tune(tuning, by) },
		"lose":   func() (plan.Decision, error) { return w.plan.LoseTasks([]task.Task{of}, 0, by), nil },
	}
	for name, c := range planCommands() {
		decide[name] = func() (plan.Decision, error) { return c(w.plan, by) }
	}
	for name, c := range waveCommands() {
		decide[name] = func() (plan.Decision, error) { return c(w.plan, 0, by) }
	}
	for name, c := range taskCommands() {
		decide[name+" task"] = func() (plan.Decision, error) { return c(w.plan, of, by) }
	}
	name := rapid.SampledFrom(slices.Sorted(maps.Keys(decide))).Draw(t, "decision")
	if name == "lose" && of.Worker == "" {
		return
	}
	first, err := decide[name]()
	again, other := decide[name]()
	if !reflect.DeepEqual(first, again) || fmt.Sprint(err) != fmt.Sprint(other) {
		t.Fatalf("%s decides %+v, %v and then %+v, %v", name, first, err, again, other)
	}
	if !reflect.DeepEqual(before, w.plan) {
		t.Fatalf("%s changed the plan %+v into %+v", name, before, w.plan)
	}
}

// deep returns a copy of a plan that shares no list with it.
func deep(p plan.Plan) plan.Plan {
	p.Waves, p.WaveCounters = slices.Clone(p.Waves), slices.Clone(p.WaveCounters)
	p.Approved, p.Sweeps = slices.Clone(p.Approved), slices.Clone(p.Sweeps)
	p.Tuning.Windows, p.Tuning.Waves = slices.Clone(p.Tuning.Windows), maps.Clone(p.Tuning.Waves)
	p.Strategy.Waves = slices.Clone(p.Strategy.Waves)
	return p
}

// TestPausingChangesNothingButTime runs a plan twice, in one of the runs with pauses, each followed
// by a resume. The same tasks end in the same states, and the plan goes through the same gates.
func TestPausingChangesNothingButTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		once := drawWorld(t, 8)
		fails := rapid.SliceOfN(rapid.Bool(), len(once.tasks), len(once.tasks)).Draw(t, "fails")
		pauses := rapid.SliceOfN(rapid.IntRange(0, 3), 40, 40).Draw(t, "pauses")
		var lasts []int
		for _, w := range once.plan.Waves {
			lasts = append(lasts, w.Last)
		}
		paused := newWorld(t, len(once.tasks), once.plan.Strategy, lasts...)
		once.failure = drawFailure(t)
		paused.failure = once.failure
		once.run(fails, nil)
		paused.run(fails, pauses)
		if a, b := once.outcome(), paused.outcome(); a != b {
			t.Fatalf("with pauses\n%s\nwithout\n%s", b, a)
		}
	})
}

// run works on the plan until nothing is left to do: all tasks that can begin do, and then all of
// them end, as fails says. Approvals are given when they are asked for. Before the end of round i,
// the plan is paused and resumed if pauses[i] is 0.
func (w *world) run(fails []bool, pauses []int) {
	w.command("start")
	for round := range 400 {
		before := w.steps
		w.settle()
		for w.claim() {
		}
		if round < len(pauses) && pauses[round] == 0 && w.plan.State == plan.Running {
			w.interrupt()
		}
		for _, t := range w.held() {
			what := "succeed"
			if t.State == task.Running && fails[t.ID.Ordinal()-1] {
				what = "fail"
			}
			w.work(t, what)
		}
		if w.plan.State == plan.Running && w.plan.Gate == plan.GateApproval {
			w.waveCommand("approve", 0)
		}
		if w.steps != before {
			continue
		}
		in, wakes := w.plan.WakeIn()
		if !wakes {
			return
		}
		w.pass(in)
	}
	w.t.Fatal("the plan never ends")
}

// interrupt pauses the plan until all its tasks have stopped, and resumes it.
func (w *world) interrupt() {
	w.command("pause")
	if w.plan.State != plan.Paused {
		return // it ended before
	}
	for _, t := range w.held() {
		w.yield(t)
	}
	w.command("resume")
	for len(w.plan.Sweeps) > 0 {
		w.sweep(3)
	}
	for w.claim() {
	}
}

// outcome describes the end of a plan: its state, those of its tasks, and the steps on the way.
func (w *world) outcome() string {
	var b strings.Builder
	fmt.Fprintln(&b, w.plan.State, w.plan.Wave, w.plan.Counters)
	for _, t := range w.tasks {
		fmt.Fprint(&b, " ", t.State)
	}
	for _, e := range w.log {
		switch e.Cause {
		case "pause", "resume", "approval": // a plan that runs again asks again
		default:
			fmt.Fprintf(&b, "\n%s %d", e.Cause, e.Wave)
		}
	}
	return b.String()
}

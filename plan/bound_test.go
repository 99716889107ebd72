package plan_test

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// TestFailuresStayWithinTheirBound runs random histories of workers, engines, pauses and resumes.
// However they meet, the failed tasks exceed what is allowed by 1 at most in a Strict plan, and in
// a Soft one by the slots. What is allowed changes with a resume, which acknowledges failures.
func TestFailuresStayWithinTheirBound(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, boundedHistory)
		})
	}
}

func boundedHistory(t *rapid.T) {
	s := drawStrategy(t)
	w := newWorld(t, rapid.IntRange(1, 8).Draw(t, "tasks"), s)
	w.command("start")
	w.meanwhile = func() { w.race(t) }
	slack := s.Concurrency(len(w.tasks))
	if s.ConcurrencyMode == strategy.Strict {
		slack = 1
	}
	acknowledged := 0
	t.Repeat(map[string]func(*rapid.T){
		"": func(*rapid.T) {
			if w.plan.State != plan.RollingBack { // which no longer acknowledges anything
				acknowledged = w.plan.Acknowledged
			}
			failed, allowed := w.plan.Counters.Of(task.Failed), max(s.MaxFailures.Of(len(w.tasks)), acknowledged)
			if failed > allowed+slack {
				t.Fatalf("%d failed of %d allowed, and %d more for those in flight", failed, allowed, slack)
			}
		},
		"claim": func(t *rapid.T) {
			for range rapid.IntRange(1, 6).Draw(t, "claims") {
				w.claim()
			}
		},
		"work":    w.someWork,
		"worker":  w.someWork,
		"pause":   func(*rapid.T) { w.command("pause") },
		"resume":  func(*rapid.T) { w.command("resume") },
		"resumes": func(*rapid.T) { w.command("resume") },
		"settle":  func(*rapid.T) { w.apply(w.plan.Settle(w.now())) },
		"halt":    func(*rapid.T) { w.halt() },
		"sweep":   func(t *rapid.T) { w.sweep(rapid.IntRange(1, 6).Draw(t, "page")) },
	})
}

// While a resume wakes the tasks that the pause stopped, nothing new begins: they would meet in
// flight, and be more than the strategy allows.
func TestResumeWakesTasksBeforeNewOnesBegin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]counts{
		"paused":         {task.Paused: 2, task.Pending: 3},
		"about to pause": {task.Running: 2, task.Pending: 3},
	} {
		p := in(plan.Paused, c)
		d, err := p.Resume(ann())
		if err != nil || d.Plan.State != plan.Running || d.Plan.Grant.LastOrdinal != 0 {
			t.Errorf("%s: resumed into %s with the grant %+v, %v", name, d.Plan.State, d.Plan.Grant, err)
		}
		d = d.Plan.Sweep(nil, 0, func(task.ID) bool { return false }, ann())
		if d.Plan.Grant.LastOrdinal != p.TaskCount {
			t.Errorf("%s: after the sweep the grant is %+v", name, d.Plan.Grant)
		}
	}
	d, err := in(plan.Failed, counts{task.Failed: 6, task.Pending: 3}).Resume(ann())
	if err != nil || d.Plan.Grant.LastOrdinal != 9 {
		t.Errorf("nothing is paused: grant %+v, %v", d.Plan.Grant, err)
	}
}

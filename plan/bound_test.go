package plan_test

import (
	"fmt"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// TestFailuresStayWithinTheirBound runs random histories of workers, engines, pauses, resumes and
// approvals. However they meet, the failed tasks of the plan and of each wave exceed what is
// allowed by 1 at most if the plan is Strict or the wave a canary, and otherwise by the slots. What
// is allowed changes with a resume, which acknowledges failures.
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
	w := drawWorld(t, 8)
	w.command("start")
	w.meanwhile = func() { w.race(t) }
	acknowledged := 0
	t.Repeat(map[string]func(*rapid.T){
		"": func(*rapid.T) {
			if w.plan.State != plan.RollingBack { // which no longer acknowledges anything
				acknowledged = w.plan.Acknowledged
			}
			w.checkBounds(acknowledged)
		},
		"approve": func(*rapid.T) { w.waveCommand("approve", 0) },
		"later":   func(t *rapid.T) { w.pass(rapid.SampledFrom(hours()).Draw(t, "later")) },
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

// checkBounds verifies that no more tasks of the plan and of its waves have failed than the mode
// promises.
func (w *world) checkBounds(acknowledged int) {
	s, tasks := &w.plan.Strategy, len(w.tasks)
	slots := s.MaxConcurrency.AtLeastOne(tasks)
	check := func(what string, failed, allowed, slots int, strict bool) {
		if strict {
			slots = 1
		}
		if failed > allowed+slots {
			w.t.Fatalf("%s: %d failed of %d allowed, and %d more for those in flight", what, failed, allowed, slots)
		}
	}
	strict := s.ConcurrencyMode == strategy.Strict
	check("plan", w.plan.Counters.Of(task.Failed), max(s.MaxFailures.Of(tasks), acknowledged), slots, strict)
	for i, rules := range s.Waves {
		size := len(w.ofWave(i + 1))
		failures, concurrency := rules.MaxFailures, rules.MaxConcurrency
		if failures == (strategy.Amount{}) {
			failures = s.MaxFailures
		}
		if concurrency == (strategy.Amount{}) {
			concurrency = s.MaxConcurrency
		}
		allowed := failures.Of(size)
		if rules.Canary {
			allowed = 0
		}
		check(fmt.Sprint("wave ", i+1), w.failedOf(i+1), max(allowed, w.plan.Waves[i].Acknowledged),
			min(slots, concurrency.AtLeastOne(size)), strict || rules.Canary)
	}
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

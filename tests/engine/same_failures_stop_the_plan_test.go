package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// byName fails tenants whose names begin with a code, such as "DNS-7", one a second.
func byName(_ context.Context, run *executor.Run) error {
	time.Sleep(time.Second)
	if code, _, fails := strings.Cut(run.Tenant().ID, "-"); fails {
		return executor.Fail(code, errors.New("it broke"))
	}
	return nil
}

// A plan that tolerates many failures stops as soon as so many have the same cause. A resume
// accepts them, and the next with this cause stops it again; retries and skips take them back.
func TestSameFailuresStopThePlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(byName)})
		s := spec("DNS-1", "TLS-1", "fine1", "DNS-2", "DNS-3", "fine2", "TLS-2", "DNS-4", "fine3")
		s.Strategy = strategy.Strategy{MaxFailures: strategy.Percent(100), MaxSameFailures: 2}
		id := launch(t, e, s)
		stopped := func(ended int, why string) {
			t.Helper()
			p := rests(t, e, id, plan.Failed)
			if p.Counters.Ended() != ended {
				t.Errorf("stopped after %d tasks, want %d: %v", p.Counters.Ended(), ended, p.Counters)
			}
			if got := breachOf(t, e, id); got != why {
				t.Errorf("stopped because %q, want %q", got, why)
			}
		}
		stopped(4, "2 failed with DNS, 1 tolerated")
		pending := taskOf(t, e, id, 9)
		if r, err := e.Explain(t.Context(), pending.ID); err != nil || !strings.Contains(r.String(), "2 failed with DNS, 1 tolerated") {
			t.Errorf("explained by %q, %v", r, err)
		}
		mustPlan(t)(e.Resume(t.Context(), id))
		stopped(5, "3 failed with DNS, 2 tolerated")
		mustPlan(t)(e.Resume(t.Context(), id))
		stopped(7, "2 failed with TLS, 1 tolerated")
		for _, o := range []int{1, 4, 5, 2} {
			mustTask(t)(e.SkipTask(t.Context(), task.NewID(id, o)))
		}
		mustPlan(t)(e.Resume(t.Context(), id))
		p := rests(t, e, id, plan.Completed)
		want := []plan.FailureGroup{{ErrorCode: "DNS", Failed: 1}, {ErrorCode: "TLS", Failed: 1, Acknowledged: 1}}
		if len(p.FailureGroups) != 2 || p.FailureGroups[0] != want[0] || p.FailureGroups[1] != want[1] {
			t.Errorf("groups %+v, want %+v", p.FailureGroups, want)
		}
	})
}

// breachOf returns the reason of the plan's last breach.
func breachOf(t *testing.T, e *cutover.Engine, id plan.ID) (why string) {
	t.Helper()
	events, err := e.Events(t.Context(), id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		if ev.Cause == plan.ByBreach.String() {
			why = ev.Reason
		}
	}
	return why
}

// A limit that is lowered to what has failed alike is a breach once nothing is in flight; a
// negative one is refused.
func TestTuningOfSameFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(byName)})
		s := spec("DNS-1", "DNS-2", "DNS-3", "DNS-4", "DNS-5")
		s.Strategy = strategy.Strategy{MaxFailures: strategy.Percent(100)}
		id := launch(t, e, s)
		time.Sleep(2500 * time.Millisecond)
		negative, two := -1, 2
		var invalid *plan.InvalidError
		if _, err := e.Tune(t.Context(), id, strategy.Tuning{MaxSameFailures: &negative}); !errors.As(err, &invalid) {
			t.Errorf("a negative limit: %v", err)
		}
		mustPlan(t)(e.Tune(t.Context(), id, strategy.Tuning{MaxSameFailures: &two}))
		if p := rests(t, e, id, plan.Failed); p.Counters.Of(task.Failed) != 3 || p.Counters.Of(task.Pending) != 2 {
			t.Errorf("%v", p.Counters)
		}
	})
}

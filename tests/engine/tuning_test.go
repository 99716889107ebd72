package engine

import (
	"errors"
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

// A running plan takes a new concurrency, tolerance, windows and bake times at once; what it was
// created with can still be read.
func TestTuningOfARunningPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &holding{times: 1, each: time.Hour}
		e := running(t, memstore.New(), executor.Registry{"X": x})
		s := spec(tenantsOf("t", 6)...)
		id := launch(t, e, s)
		slots := func(want int) {
			t.Helper()
			time.Sleep(time.Minute)
			p, err := e.Plan(t.Context(), id)
			if err != nil || p.Counters.Slots() != want {
				t.Fatalf("%d slots taken, want %d: %v", p.Counters.Slots(), want, err)
			}
		}
		slots(1)
		mustPlan(t)(e.Tune(t.Context(), id, strategy.Tuning{MaxConcurrency: strategy.Count(3)}, cutover.By("ann")))
		slots(3)
		mustPlan(t)(e.Tune(t.Context(), id, strategy.Tuning{MaxConcurrency: strategy.Count(1)}))
		slots(3) // a tuning takes no slot from a task that has one
		time.Sleep(time.Hour)
		slots(1)
		mustPlan(t)(e.Tune(t.Context(), id, strategy.Tuning{MaxConcurrency: strategy.Percent(100), Windows: nightly("UTC", 3, 4)}))
		slots(1)
		p, err := e.Plan(t.Context(), id)
		if err != nil || p.Strategy.MaxConcurrency.Kind != strategy.AmountUnset || p.Rules().MaxConcurrency != strategy.Percent(100) || len(p.Rules().Windows) != 1 {
			t.Fatalf("created with %+v, now %+v: %v", p.Strategy, p.Rules(), err)
		}
		time.Sleep(2 * time.Hour) // 03:06
		slots(2)
		again, err := e.Tune(t.Context(), id, strategy.Tuning{MaxConcurrency: strategy.Percent(100)})
		if err != nil || !again.Unchanged {
			t.Errorf("tuned to what it is: unchanged %t, %v", again.Unchanged, err)
		}
		rests(t, e, id, plan.Completed)
	})
}

// A tolerance that is lowered below the failures that there are is a breach.
func TestTuningBelowTheFailuresIsABreach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newDiary("t1", "t2")
		x.takes = time.Hour
		e := running(t, memstore.New(), executor.Registry{"X": x})
		s := sized(5)
		s.Strategy.MaxConcurrency = strategy.Count(1)
		id := launch(t, e, s)
		time.Sleep(2*time.Hour + time.Minute)
		mustPlan(t)(e.Tune(t.Context(), id, strategy.Tuning{MaxFailures: strategy.Count(1)}))
		p := rests(t, e, id, plan.Failed)
		if p.Counters.Of(task.Failed) != 2 || p.Counters.Of(task.Pending) != 2 {
			t.Errorf("%v", p.Counters)
		}
	})
}

// A faulty tuning is refused with every fault, and changes nothing.
func TestFaultyTuning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": newDiary()})
		id := create(t, e, sized(4, 1))
		before, _ := e.Plan(t.Context(), id)
		ago := -time.Second
		for name, tt := range map[string]struct {
			tuning strategy.Tuning
			faults int
		}{
			"nothing": {strategy.Tuning{}, 1},
			"amounts": {strategy.Tuning{MaxConcurrency: strategy.Count(-1), MaxFailures: strategy.Percent(101)}, 2},
			"times":   {strategy.Tuning{BakeTime: &ago, FirstBakeTime: &ago, FinalBakeTime: &ago}, 3},
			"waves":   {strategy.Tuning{Waves: map[int]strategy.WaveTuning{0: {}, 5: {BakeTime: &ago}}}, 3},
			"zone":    {strategy.Tuning{Windows: nightly("Europe/Nowhere", 1, 2)}, 1},
		} {
			_, err := e.Tune(t.Context(), id, tt.tuning)
			var invalid *plan.InvalidError
			if !errors.As(err, &invalid) || invalid.Total != tt.faults {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after, _ := e.Plan(t.Context(), id); after.Version != before.Version {
			t.Error("a refused tuning changed the plan")
		}
	})
}

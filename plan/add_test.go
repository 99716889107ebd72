package plan_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// The last wave that a plan may have opens while tenants are being added: they have no wave to join
// any more, and the plan gets none beyond the limit.
func TestAnAdditionThatIsOvertakenByTheLastWave(t *testing.T) {
	t.Parallel()
	lasts := make([]int, strategy.MaxWaves)
	for i := range lasts {
		lasts[i] = i + 1
	}
	p := waved(strategy.MaxWaves-1, lasts...)
	marked, err := plan.Adding{Token: 5, Tenants: 3, TTL: time.Minute}.Mark(p, ann())
	if err != nil {
		t.Fatal(err)
	}
	joined, err := plan.Adding{Token: 5}.Complete(marked.Plan, ann())
	if err != nil || len(joined.Plan.Waves) != strategy.MaxWaves || joined.Plan.Waves[strategy.MaxWaves-1].Last != strategy.MaxWaves+3 {
		t.Fatalf("before the last wave opens: %d waves, %v", len(joined.Plan.Waves), err)
	}
	opened := marked.Plan
	ended(&opened)
	if opened = opened.Settle(noon()).Plan; opened.Wave != strategy.MaxWaves {
		t.Fatalf("wave %d is open", opened.Wave)
	}
	var invalid *plan.InvalidError
	d, err := plan.Adding{Token: 5}.Complete(opened, ann())
	if !errors.As(err, &invalid) || invalid.Faults[0].Field != "Tenants" {
		t.Errorf("%d waves, %v", len(d.Plan.Waves), err)
	}
	if d, err = (plan.Adding{Token: 5}).Mark(opened, ann()); !errors.As(err, &invalid) {
		t.Errorf("renewed: %v", err)
	}
	if n := d.Plan.Counters.Of(task.Pending); n != 1 {
		t.Errorf("%d tasks are pending", n)
	}
}

// A plan whose last bake is over, and that only an addition keeps open, has nothing to do at any
// time: an engine would look at it without a pause.
func TestAnAdditionAfterTheLastBakeWakesNobody(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Completed: 2})
	p.Strategy.FinalBakeTime, p.Now, p.WaveEndedAt = time.Hour, noon(), noon()
	d, err := plan.Adding{Token: 1, Tenants: 1}.Mark(p, ann())
	if err != nil {
		t.Fatal(err)
	}
	p = d.Plan
	if in, wakes := p.WakeIn(); !wakes || in != time.Hour {
		t.Errorf("during the bake it wakes: %t, in %s", wakes, in)
	}
	p.Now = p.Now.Add(time.Hour)
	p = p.Settle(noon()).Plan
	if in, wakes := p.WakeIn(); wakes || p.State != plan.Running {
		t.Errorf("after the bake it is %s and wakes in %s", p.State, in)
	}
}

package strategy_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan/strategy"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func TestDecide(t *testing.T) {
	t.Parallel()
	ten := strategy.Strategy{MaxConcurrency: strategy.Percent(10), MaxFailures: strategy.Percent(10)}
	tests := map[string]struct {
		strategy strategy.Strategy
		waves    []strategy.Tally
		want     strategy.Decision
	}{
		"zero strategy": {
			strategy.Strategy{},
			[]strategy.Tally{{Tasks: 3}},
			strategy.Decision{Grant: strategy.Grant{LastOrdinal: 3, MaxSlots: 1}},
		},
		"zero strategy, first failure": {
			strategy.Strategy{},
			[]strategy.Tally{{Tasks: 3, Failed: 1}},
			strategy.Decision{Grant: strategy.Grant{LastOrdinal: 3, MaxSlots: 1}, Breach: true},
		},
		"strict": {
			strategy.Strategy{MaxConcurrency: strategy.Count(5), MaxFailures: strategy.Count(1), ConcurrencyMode: strategy.Strict},
			[]strategy.Tally{{Tasks: 25}},
			strategy.Decision{Grant: strategy.Grant{LastOrdinal: 25, MaxSlots: 5, MaxFailed: 1, Strict: true}},
		},
		"at the tolerance": {
			ten,
			[]strategy.Tally{{Tasks: 25, Failed: 2}},
			strategy.Decision{Grant: strategy.Grant{LastOrdinal: 25, MaxSlots: 2, MaxFailed: 2}},
		},
		"over the tolerance": {
			ten,
			[]strategy.Tally{{Tasks: 25, Failed: 3}},
			strategy.Decision{Grant: strategy.Grant{LastOrdinal: 25, MaxSlots: 2, MaxFailed: 2}, Breach: true},
		},
		"acknowledged beyond the tolerance": {
			ten,
			[]strategy.Tally{{Tasks: 25, Failed: 7, Acknowledged: 7}},
			strategy.Decision{Grant: strategy.Grant{LastOrdinal: 25, MaxSlots: 2, MaxFailed: 7}},
		},
		"one more than acknowledged": {
			ten,
			[]strategy.Tally{{Tasks: 25, Failed: 8, Acknowledged: 7}},
			strategy.Decision{Grant: strategy.Grant{LastOrdinal: 25, MaxSlots: 2, MaxFailed: 7}, Breach: true},
		},
		"acknowledged within the tolerance": {
			ten,
			[]strategy.Tally{{Tasks: 25, Failed: 2, Acknowledged: 1}},
			strategy.Decision{Grant: strategy.Grant{LastOrdinal: 25, MaxSlots: 2, MaxFailed: 2}},
		},
		"several waves count together": {
			ten,
			[]strategy.Tally{{Tasks: 5, Failed: 1}, {Tasks: 20, Failed: 2}},
			strategy.Decision{Grant: strategy.Grant{LastOrdinal: 25, MaxSlots: 2, MaxFailed: 2}, Breach: true},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := decide(tt.strategy, tt.waves...); got != tt.want {
				t.Errorf("Decide = %+v, want %+v", got, tt.want)
			}
		})
	}
}

// decide returns the decision on a plan whose last wave is open.
func decide(s strategy.Strategy, waves ...strategy.Tally) strategy.Decision {
	r := strategy.Rollout{Waves: waves, Open: len(waves), Now: noon()}
	for _, w := range waves {
		r.Acknowledged += w.Acknowledged
	}
	return s.Decide(r)
}

// drawStrategy returns a valid strategy.
func drawStrategy(t *rapid.T) strategy.Strategy {
	amount := func(name string) strategy.Amount {
		if rapid.Bool().Draw(t, name+" in percent") {
			return strategy.Percent(rapid.IntRange(0, 100).Draw(t, name))
		}
		return strategy.Count(rapid.IntRange(0, 2000).Draw(t, name))
	}
	return strategy.Strategy{
		MaxConcurrency:  amount("concurrency"),
		MaxFailures:     amount("failures"),
		FailureAction:   rapid.SampledFrom([]strategy.Action{strategy.Stop, strategy.Pause, strategy.RollbackPlan}).Draw(t, "action"),
		ConcurrencyMode: rapid.SampledFrom([]strategy.ConcurrencyMode{strategy.Soft, strategy.Strict}).Draw(t, "mode"),
	}
}

func drawTally(t *rapid.T) strategy.Tally {
	tasks := rapid.IntRange(1, 1000).Draw(t, "tasks")
	failed := rapid.IntRange(0, tasks).Draw(t, "failed")
	return strategy.Tally{Tasks: tasks, Failed: failed, Acknowledged: rapid.IntRange(0, failed).Draw(t, "acknowledged")}
}

// A Strict grant counts what is in flight as if it had failed; a Soft one does not.
func TestGrantAdmits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		maxFailed, failed, inFlight int
		soft, strict                bool
	}{
		{0, 0, 0, true, true},
		{0, 0, 1, true, false},
		{0, 1, 0, false, false},
		{2, 0, 2, true, true},
		{2, 0, 3, true, false},
		{2, 1, 1, true, true},
		{2, 2, 0, true, true},
		{2, 2, 1, true, false},
		{2, 3, 0, false, false},
	}
	for _, tt := range tests {
		soft := strategy.Grant{MaxFailed: tt.maxFailed}
		strict := strategy.Grant{MaxFailed: tt.maxFailed, Strict: true}
		if soft.Admits(tt.failed, tt.maxFailed, tt.inFlight) != tt.soft || strict.Admits(tt.failed, tt.maxFailed, tt.inFlight) != tt.strict {
			t.Errorf("%d failed of %d, %d in flight: soft %t, strict %t", tt.failed, tt.maxFailed, tt.inFlight, !tt.soft, !tt.strict)
		}
	}
}

func TestGrantIsWithinItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, w := drawStrategy(t), drawTally(t)
		if faults := s.Faults(); len(faults) > 0 {
			t.Fatalf("drawn strategy has faults: %q", faults)
		}
		d := decide(s, w)
		if d.LastOrdinal != w.Tasks {
			t.Errorf("open up to %d of %d", d.LastOrdinal, w.Tasks)
		}
		if d.MaxSlots < 1 || d.MaxSlots > w.Tasks {
			t.Errorf("%d held at once of %d", d.MaxSlots, w.Tasks)
		}
		if d.MaxFailed < w.Acknowledged || d.MaxFailed > w.Tasks {
			t.Errorf("%d failures allowed, %d of %d acknowledged", d.MaxFailed, w.Acknowledged, w.Tasks)
		}
		if d.Breach != (w.Failed > d.MaxFailed) {
			t.Errorf("breach %t at %d failed of %d allowed", d.Breach, w.Failed, d.MaxFailed)
		}
		if again := decide(s, w); again != d {
			t.Errorf("a year later %+v, before %+v", again, d)
		}
	})
}

// More failures do not change the grant and do not end a breach. Acknowledging failures lowers no
// bound and causes no breach; acknowledging all of them ends a breach.
func TestDecideIsMonotone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, few := drawStrategy(t), drawTally(t)
		many := few
		many.Failed = rapid.IntRange(few.Failed, few.Tasks).Draw(t, "more failed")
		before, after := decide(s, few), decide(s, many)
		if after.Grant != before.Grant {
			t.Errorf("more failures changed the grant from %+v to %+v", before.Grant, after.Grant)
		}
		if before.Breach && !after.Breach {
			t.Errorf("a breach at %d failed is none at %d", few.Failed, many.Failed)
		}

		seen := many
		seen.Acknowledged = rapid.IntRange(many.Acknowledged, many.Failed).Draw(t, "more acknowledged")
		accepted := decide(s, seen)
		if accepted.MaxFailed < after.MaxFailed || accepted.Breach && !after.Breach {
			t.Errorf("acknowledging made %+v of %+v", accepted, after)
		}
		seen.Acknowledged = seen.Failed
		if decide(s, seen).Breach {
			t.Error("a breach although everything is acknowledged")
		}
	})
}

// The division of a plan into waves does not change a bound of the whole plan.
func TestDecideAddsUpWaves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawStrategy(t)
		waves := rapid.SliceOfN(rapid.Custom(drawTally), 1, 10).Draw(t, "waves")
		var sum strategy.Tally
		for _, w := range waves {
			sum.Tasks += w.Tasks
			sum.Failed += w.Failed
			sum.Acknowledged += w.Acknowledged
		}
		cut, whole := decide(s, waves...), decide(s, sum)
		if cut.MaxFailed != whole.MaxFailed || cut.LastOrdinal != whole.LastOrdinal || cut.MaxSlots > whole.MaxSlots || whole.Breach && !cut.Breach {
			t.Errorf("cut %+v, whole %+v", cut, whole)
		}
	})
}

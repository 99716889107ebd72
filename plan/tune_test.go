package plan_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// A tuning of a wave that the plan does not have is refused with the wave's name, also in a plan
// without waves; and the plan stays as it was.
func TestAWaveThatIsNotThereCannotBeTuned(t *testing.T) {
	t.Parallel()
	one := strategy.WaveTuning{MaxFailures: strategy.Count(1)}
	tests := map[string]struct {
		plan  plan.Plan
		waves map[int]strategy.WaveTuning
		want  []plan.Fault
	}{
		"without waves": {
			in(plan.Running, counts{task.Pending: 2}),
			map[int]strategy.WaveTuning{1: one},
			[]plan.Fault{{Field: "Waves[1]", Problem: "the plan has no waves"}},
		},
		"before the first and after the last": {
			waved(1, 2, 4),
			map[int]strategy.WaveTuning{0: one, 2: one, 3: one},
			[]plan.Fault{{Field: "Waves[0]", Problem: "the plan has the waves 1 to 2"}, {Field: "Waves[3]", Problem: "the plan has the waves 1 to 2"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := tt.plan.Tune(strategy.Tuning{MaxFailures: strategy.Count(1), Waves: tt.waves}, ann())
			var invalid *plan.InvalidError
			if !errors.As(err, &invalid) || !reflect.DeepEqual(invalid.Faults, tt.want) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			if !d.Plan.Tuning.IsZero() {
				t.Errorf("tuned nevertheless: %+v", d.Plan.Tuning)
			}
		})
	}
}

// zoneless gives p windows in a zone that no host knows.
func zoneless(p *plan.Plan) {
	p.Strategy.Windows = []window.Window{{Kind: window.Allow, Zone: "Mars/Olympus", To: window.TimeOfDay{Hour: 1}}}
}

// A host that does not know the zone of a plan's windows keeps the bounds that other hosts have
// set, whatever it decides itself.
func TestAHostWithoutTheZoneKeepsTheBounds(t *testing.T) {
	t.Parallel()
	opens, closes := noon().Add(time.Hour), noon().Add(2*time.Hour)
	bounded := func() plan.Plan {
		p := waved(1, 2, 4)
		zoneless(&p)
		p.Grant.NotBefore, p.Grant.NotAfter = opens, closes
		return p
	}
	for name, tt := range map[string]struct {
		decide func(plan.Plan) (plan.Decision, error)
		last   int // ordinal that is granted
	}{
		"settles": {func(p plan.Plan) (plan.Decision, error) { return p.Settle(noon()), nil }, 2},
		"tunes": {func(p plan.Plan) (plan.Decision, error) {
			return p.Tune(strategy.Tuning{MaxConcurrency: strategy.Count(2)}, ann())
		}, 2},
		"opens the next wave": {func(p plan.Plan) (plan.Decision, error) {
			ended(&p)
			return p.Settle(noon()), nil
		}, 4},
	} {
		d, err := tt.decide(bounded())
		if g := d.Plan.Grant; err != nil || g.LastOrdinal != tt.last || !g.NotBefore.Equal(opens) || !g.NotAfter.Equal(closes) {
			t.Errorf("%s: up to %d, from %s to %s, %v", name, g.LastOrdinal, g.NotBefore, g.NotAfter, err)
		}
	}
}

// A host that does not know the zone opens nothing where no bounds are set: after a start or a
// resume, the plan waits for a host that does, or for a tuning.
func TestAHostWithoutTheZoneOpensNothing(t *testing.T) {
	t.Parallel()
	pending := counts{task.Pending: 2}
	for name, decide := range map[string]func() (plan.Decision, error){
		"start":  func() (plan.Decision, error) { return in(plan.Created, pending, markedStarting, zoneless).Start(ann()) },
		"resume": func() (plan.Decision, error) { return in(plan.Paused, pending, zoneless).Resume(ann()) },
	} {
		d, err := decide()
		if err != nil || d.Plan.State != plan.Running || d.Plan.Grant.LastOrdinal != 0 {
			t.Fatalf("%s: %s up to %d, %v", name, d.Plan.State, d.Plan.Grant.LastOrdinal, err)
		}
		if after := d.Plan.Settle(noon()).Plan; after.Claimable() || after.AtRest() {
			t.Errorf("%s: claimable %t, at rest %t", name, after.Claimable(), after.AtRest())
		}
		d, err = d.Plan.Tune(strategy.Tuning{Windows: []window.Window{}}, ann())
		if err != nil || d.Plan.Grant.LastOrdinal != 2 || !d.Plan.Claimable() {
			t.Errorf("%s: without windows up to %d, %v", name, d.Plan.Grant.LastOrdinal, err)
		}
	}
}

// A tuning in a zone that the host does not know is refused.
func TestAZoneThatIsNotKnownCannotBeTunedTo(t *testing.T) {
	t.Parallel()
	p, unknown := in(plan.Running, counts{task.Pending: 2}), in(plan.Running, nil, zoneless).Strategy.Windows
	_, err := p.Tune(strategy.Tuning{Windows: unknown}, ann())
	var invalid *plan.InvalidError
	if !errors.As(err, &invalid) || invalid.Total != 1 || invalid.Faults[0].Field != "Windows[0].Zone" {
		t.Errorf("%v", err)
	}
}

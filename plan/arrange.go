package plan

import (
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// Arrangement is a spec whose waves are resolved: which tenants belong to which wave.
type Arrangement struct {
	// Tenants are the spec's tenants by wave and, within a wave, in the order of the spec. Their
	// ordinals follow this order.
	Tenants []task.Tenant
	// Waves are the waves of the plan; nil if the spec has none.
	Waves []Wave
	// Strategy is the spec's strategy as a plan stores it: one wave in Waves for each of the above,
	// without selectors.
	Strategy strategy.Strategy
	// Warnings are what is valid but suspicious.
	Warnings []Fault
}

// Arrange resolves the waves of a spec that is about to become a plan. The error is an
// *[InvalidError] with every fault of the spec, also with windows that never open from now on.
func (s Spec) Arrange(now time.Time) (Arrangement, error) {
	a, err := s.arranged()
	if err != nil {
		return Arrangement{}, err
	}
	a.Warnings = s.Strategy.Warnings(len(s.Tenants))
	if len(s.Strategy.Windows) == 0 {
		return a, nil
	}
	found, err := window.Check(s.Strategy.Windows, now)
	for _, f := range found {
		a.Warnings = append(a.Warnings, Fault{Field: "Strategy." + f.Field, Problem: f.Problem})
	}
	var e InvalidError
	if e.windows("Strategy.", err); e.Total > 0 {
		return a, &e
	}
	return a, nil
}

// arranged is Arrange without what depends on the time, and without the warnings.
func (s Spec) arranged() (Arrangement, error) {
	var e InvalidError
	s.validate(&e)
	a := Arrangement{Tenants: s.Tenants, Strategy: s.Strategy}
	if e.Total == 0 {
		a = s.arrange(&e)
	}
	if e.Total > 0 {
		return Arrangement{}, &e
	}
	return a, nil
}

// arrange is Arrange for a spec without other faults.
func (s Spec) arrange(e *InvalidError) Arrangement {
	waves := s.waves(e)
	if len(waves) == 0 {
		return Arrangement{Tenants: s.Tenants, Strategy: s.Strategy}
	}
	of := s.selected(waves, e)
	s.fill(waves, of, e)
	if e.Total > 0 {
		return Arrangement{}
	}
	a := Arrangement{Tenants: make([]task.Tenant, 0, len(s.Tenants)), Strategy: s.Strategy.Stored(waves)}
	at := make([][]int, len(waves)) // the places of each wave's tenants
	for i, w := range of {
		at[w] = append(at[w], i)
	}
	for _, places := range at {
		for _, i := range places {
			a.Tenants = append(a.Tenants, s.Tenants[i])
		}
		a.Waves = append(a.Waves, Wave{Last: len(a.Tenants)})
	}
	return a
}

// waves returns the waves of the spec's strategy, with WaveSizes written out.
func (s Spec) waves(e *InvalidError) []strategy.Wave {
	sizes := s.Strategy.WaveSizes
	if len(sizes) == 0 {
		return s.Strategy.Waves
	}
	var waves []strategy.Wave
	for left := len(s.Tenants); left > 0; {
		if len(waves) == strategy.MaxWaves {
			e.add("Strategy.WaveSizes", "make more than %d waves", strategy.MaxWaves)
			return nil
		}
		size := min(left, sizes[min(len(waves), len(sizes)-1)].AtLeastOne(len(s.Tenants)))
		waves = append(waves, strategy.Wave{Size: strategy.Count(size)})
		left -= size
	}
	return waves
}

// none is the wave of a tenant that no wave has selected.
const none = -1

// selected returns the wave, by its index, of each tenant that a wave selects by its id or its
// labels.
func (s Spec) selected(waves []strategy.Wave, e *InvalidError) []int {
	of := make([]int, len(s.Tenants))
	named := s.named(waves, e)
	matched := make([]bool, len(waves))
	for i := range s.Tenants {
		t := &s.Tenants[i]
		of[i] = none
		if w, ok := named[t.ID]; ok {
			of[i] = w
		}
		for w := range waves {
			if len(waves[w].Labels) == 0 || !labelled(t, waves[w].Labels) {
				continue
			}
			matched[w] = true
			if of[i] != none {
				e.add(tenantField(i), "tenant %.140q is in Waves[%d] and in Waves[%d]", t.ID, of[i], w)
				continue
			}
			of[i] = w
		}
	}
	for w := range waves {
		if len(waves[w].Labels) > 0 && !matched[w] {
			e.add(waveField(w)+".Labels", "match no tenant")
		}
	}
	return of
}

// named returns the wave, by its index, of each tenant that a wave names.
func (s Spec) named(waves []strategy.Wave, e *InvalidError) map[string]int {
	named := make(map[string]int)
	for w := range waves {
		for _, id := range waves[w].Tenants {
			if first, twice := named[id]; twice {
				e.add(waveField(w)+".Tenants", "tenant %.140q is already in Waves[%d]", id, first)
				continue
			}
			named[id] = w
		}
	}
	if len(named) == 0 {
		return nil
	}
	known := make(map[string]struct{}, len(s.Tenants))
	for i := range s.Tenants {
		known[s.Tenants[i].ID] = struct{}{}
	}
	for w := range waves {
		for _, id := range waves[w].Tenants {
			if _, is := known[id]; !is {
				e.add(waveField(w)+".Tenants", "tenant %.140q is not one of the plan", id)
			}
		}
	}
	return named
}

// labelled reports whether the tenant has all of the labels.
func labelled(t *task.Tenant, labels map[string]string) bool {
	for k, v := range labels {
		if has, ok := t.Labels[k]; !ok || has != v {
			return false
		}
	}
	return true
}

// fill gives the tenants that are left to the waves with a size, and to the last one.
func (s Spec) fill(waves []strategy.Wave, of []int, e *InvalidError) {
	next := 0 // tenants before it have a wave
	take := func(w, most int) (taken int) {
		for ; next < len(of) && taken < most; next++ {
			if of[next] == none {
				of[next] = w
				taken++
			}
		}
		return taken
	}
	for w, wave := range waves {
		switch {
		case wave.Selects():
		case wave.Size.Kind != strategy.AmountUnset:
			want := wave.Size.N
			if wave.Size.Kind == strategy.AmountPercent {
				want = wave.Size.AtLeastOne(len(s.Tenants))
			}
			if got := take(w, want); got < want {
				e.add(waveField(w)+".Size", "%s are %d tenants, %d are left for it", wave.Size, want, got)
			}
		case take(w, len(of)) == 0:
			e.add(waveField(w), "takes the rest, and no tenant is left")
		}
	}
	var left []int
	for i := next; i < len(of); i++ {
		if of[i] == none {
			left = append(left, i)
		}
	}
	if len(left) > 0 {
		e.add("Strategy.Waves", "leave out %d tenants, the first is Tenants[%d] %.140q", len(left), left[0], s.Tenants[left[0]].ID)
	}
}

func waveField(i int) string { return fmt.Sprintf("Strategy.Waves[%d]", i) }

package strategy

import (
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"
)

// Wave is a part of the tenants that is opened together, after the wave before it. At most one of
// Size, Labels and Tenants says which tenants belong to it; they are input of a plan's creation and
// not stored. The last wave may leave all three out: it takes the rest.
type Wave struct {
	// Name is for people; at most [MaxWaveName] bytes.
	Name string
	// Size is the number of tenants, or a percentage of all tenants of the plan, at least one. They
	// are taken in the order of the list from the tenants that no other wave selects by Labels or
	// Tenants.
	Size Amount
	// Labels selects the tenants that have all of these labels with these values.
	Labels map[string]string
	// Tenants selects tenants by their ids.
	Tenants []string

	// MaxConcurrency bounds the slots of the whole plan while the wave is open, in addition to the
	// plan's own. A percentage is one of the wave's size. Unset, the plan's amount is applied to
	// the wave's size.
	MaxConcurrency Amount
	// MaxFailures is the number of failed tasks of the wave that is tolerated, in addition to the
	// plan's own. A percentage is one of the wave's size. Unset, the plan's amount is applied to
	// the wave's size.
	MaxFailures Amount
	// Canary makes the wave a careful one: MaxFailures is 0 and the mode [Strict].
	Canary bool
	// BakeTime is how long to wait after the wave's last task has ended. Default: FirstBakeTime for
	// the first wave, FinalBakeTime for the last, BakeTime of the strategy otherwise.
	BakeTime time.Duration
	// Approval makes the wave wait until somebody approves of it.
	Approval bool
}

// Bounds of waves.
const (
	MaxWaves    = 1000
	MaxWaveName = 256
)

// selectors returns how many of the selectors of w are set.
func (w Wave) selectors() int {
	n := 0
	for _, set := range []bool{w.Size.Kind != AmountUnset, len(w.Labels) > 0, len(w.Tenants) > 0} {
		if set {
			n++
		}
	}
	return n
}

// Selects reports whether the wave selects its tenants by labels or by their ids.
func (w Wave) Selects() bool { return len(w.Labels) > 0 || len(w.Tenants) > 0 }

// stored returns w without its selectors.
func (w Wave) stored() Wave {
	w.Size, w.Labels, w.Tenants = Amount{}, nil, nil
	return w
}

// faults returns what is wrong with a wave that is not the last one unless last is set.
func (w Wave) faults(field string, last bool) []Fault {
	var faults []Fault
	add := func(name, problem string) { faults = append(faults, Fault{field + name, problem}) }
	if len(w.Name) > MaxWaveName {
		add(".Name", fmt.Sprintf("is %d bytes, the limit is %d", len(w.Name), MaxWaveName))
	}
	if !utf8.ValidString(w.Name) {
		add(".Name", "is not UTF-8")
	}
	// A list that its maker left empty by mistake must not turn the wave into one of all the rest.
	if w.Tenants != nil && len(w.Tenants) == 0 {
		add(".Tenants", "is empty")
	}
	if w.Labels != nil && len(w.Labels) == 0 {
		add(".Labels", "is empty")
	}
	for _, k := range slices.Sorted(maps.Keys(w.Labels)) {
		if k == "" {
			add(".Labels", "has an empty key")
		}
		if !utf8.ValidString(k) || !utf8.ValidString(w.Labels[k]) {
			add(".Labels", fmt.Sprintf("%.32q is not UTF-8", k))
		}
	}
	switch n := w.selectors(); {
	case n > 1:
		add("", "has several of Size, Labels and Tenants")
	case n == 0 && !last && w.Labels == nil && w.Tenants == nil:
		add("", "has no Size, Labels or Tenants; only the last wave takes the rest")
	}
	faults = append(faults, amountFaults(
		amountOf{field + ".Size", w.Size}, amountOf{field + ".MaxConcurrency", w.MaxConcurrency},
		amountOf{field + ".MaxFailures", w.MaxFailures})...)
	if w.Size.Kind != AmountUnset && w.Size.N == 0 {
		add(".Size", "is 0")
	}
	if w.Canary && w.MaxFailures.Kind != AmountUnset && w.MaxFailures.N != 0 {
		add(".MaxFailures", w.MaxFailures.String()+" contradicts Canary, which tolerates none")
	}
	return append(faults, timeFaults(timeOf{field + ".BakeTime", w.BakeTime})...)
}

// waveFaults returns what is wrong with the waves and the times between them.
func (s *Strategy) waveFaults() []Fault {
	var faults []Fault
	if len(s.Waves) > 0 && len(s.WaveSizes) > 0 {
		faults = append(faults, Fault{"WaveSizes", "are set together with Waves"})
	}
	if n := max(len(s.Waves), len(s.WaveSizes)); n > MaxWaves {
		return append(faults, Fault{"Waves", fmt.Sprintf("are %d, the limit is %d", n, MaxWaves)})
	}
	for i, w := range s.Waves {
		faults = append(faults, w.faults(fmt.Sprintf("Waves[%d]", i), i == len(s.Waves)-1)...)
	}
	for i, size := range s.WaveSizes {
		field := fmt.Sprintf("WaveSizes[%d]", i)
		faults = append(faults, amountFaults(amountOf{field, size})...)
		if size.N == 0 {
			faults = append(faults, Fault{field, "is 0"})
		}
	}
	return append(faults, timeFaults(timeOf{"BakeTime", s.BakeTime}, timeOf{"FirstBakeTime", s.FirstBakeTime},
		timeOf{"FinalBakeTime", s.FinalBakeTime})...)
}

// wave returns the rules of a wave, by its index. A wave that was added later has none of its own.
func (s *Strategy) wave(i int) Wave {
	if i < len(s.Waves) {
		return s.Waves[i]
	}
	return Wave{}
}

// allowed returns how many failures of a wave of that size are tolerated.
func (s *Strategy) allowed(i, tasks int) int {
	w := s.wave(i)
	switch {
	case w.Canary:
		return 0
	case w.MaxFailures.Kind == AmountUnset:
		return s.MaxFailures.Of(tasks)
	}
	return w.MaxFailures.Of(tasks)
}

// slots returns how many slots may be taken while a wave of that size is open in a plan of that
// many tasks.
func (s *Strategy) slots(i, tasks, all int) int {
	own := s.wave(i).MaxConcurrency
	if own.Kind == AmountUnset {
		own = s.MaxConcurrency
	}
	return min(own.AtLeastOne(tasks), s.MaxConcurrency.AtLeastOne(all))
}

// Waits reports whether wave n, from 1, needs an approval.
func (s *Strategy) Waits(n int) bool { return s.wave(n - 1).Approval }

// Bake returns how long to wait after the last task of wave n, from 1, of that many waves.
func (s *Strategy) Bake(n, of int) time.Duration {
	switch own := s.wave(n - 1).BakeTime; {
	case own > 0:
		return own
	case n == of && s.FinalBakeTime > 0:
		return s.FinalBakeTime
	case n == 1 && s.FirstBakeTime > 0:
		return s.FirstBakeTime
	}
	return s.BakeTime
}

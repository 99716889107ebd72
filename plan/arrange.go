package plan

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// Arrangement is a spec whose waves are resolved: which tenants belong to which wave.
type Arrangement struct {
	// Tenants are the spec's tenants by wave and, within a wave, in the order of the spec. Their
	// ordinals follow this order. nil if the spec has a TenantSeq: see Pages.
	Tenants []task.Tenant
	// TaskCount is the number of tenants.
	TaskCount int
	// Waves are the waves of the plan; nil if the spec has none.
	Waves []Wave
	// Strategy is the spec's strategy as a plan stores it: one wave in Waves for each of the above,
	// without selectors.
	Strategy strategy.Strategy
	// Warnings are what is valid but suspicious.
	Warnings []Fault

	again *sequence // nil without a TenantSeq
}

// Pages yields the tenants in the order of their ordinals, as [Pages] does. If they are a
// TenantSeq, it ranges over that again, and ends with a *[SequenceError] instead of a page that
// is not as it was.
func (a Arrangement) Pages() iter.Seq2[[]task.Tenant, error] {
	if a.again != nil {
		return a.again.pages
	}
	return func(yield func([]task.Tenant, error) bool) {
		for page := range Pages(a.Tenants) {
			if !yield(page, nil) {
				return
			}
		}
	}
}

// Arrange resolves the waves of a spec that is about to become a plan. The error is an
// *[InvalidError] with every fault of the spec, also with windows that never open from now on.
func (s Spec) Arrange(now time.Time) (Arrangement, error) {
	var e InvalidError
	a := s.arranged(&e)
	if len(s.Strategy.Windows) > 0 && !e.has("Strategy.Windows") {
		found, err := window.Check(s.Strategy.Windows, now)
		e.windows("Strategy.", err)
		for _, f := range found {
			a.Warnings = append(a.Warnings, Fault{Field: "Strategy." + f.Field, Problem: f.Problem})
		}
	}
	if e.Total > 0 {
		return Arrangement{}, &e
	}
	return a, nil
}

// Preview returns what the plan would do, wave by wave.
func (a Arrangement) Preview() []strategy.WavePreview {
	return a.Strategy.Preview(sizes(a.Waves, a.TaskCount)...)
}

// sizes returns the numbers of tasks of waves; without waves, all tasks are one.
func sizes(waves []Wave, tasks int) []int {
	if len(waves) == 0 {
		return []int{tasks}
	}
	sizes := make([]int, len(waves))
	last := 0
	for i, w := range waves {
		sizes[i], last = w.Last-last, w.Last
	}
	return sizes
}

// arranged is Arrange without what depends on the time. It adds the faults to e.
func (s Spec) arranged(e *InvalidError) Arrangement {
	found := s.validate(e)
	if e.has("Tenant") || e.has("Strategy.Wave") {
		return Arrangement{} // waves are not resolved from what makes no sense by itself
	}
	a := s.arrange(found.tenants, e)
	a.TaskCount, a.again = found.tenants, found.again
	for _, f := range slices.Concat(a.Strategy.Warnings(sizes(a.Waves, found.tenants)...), s.unreached(len(a.Waves)), s.unbound(found)) {
		a.Warnings = append(a.Warnings, Fault{Field: "Strategy." + f.Field, Problem: f.Problem})
	}
	return a
}

// has reports whether a fault is about a field whose name begins like that. Among more than
// MaxFaults faults it may miss one.
func (e *InvalidError) has(field string) bool {
	return slices.ContainsFunc(e.Faults, func(f Fault) bool { return strings.HasPrefix(f.Field, field) })
}

// arrange divides the n tenants of a spec into waves.
func (s Spec) arrange(n int, e *InvalidError) Arrangement {
	waves := s.waves(n, e)
	if len(waves) == 0 {
		return Arrangement{Tenants: s.Tenants, Strategy: s.Strategy}
	}
	before := e.Total
	if !slices.ContainsFunc(waves, strategy.Wave.Selects) {
		ends := s.bySize(waves, n, e)
		if e.Total > before {
			return Arrangement{}
		}
		return Arrangement{Tenants: s.Tenants, Strategy: s.Strategy.Stored(waves), Waves: ends}
	}
	of := s.selected(waves, e)
	s.fill(waves, of, e)
	if e.Total > before {
		return Arrangement{}
	}
	a := Arrangement{Tenants: s.Tenants, Strategy: s.Strategy.Stored(waves)}
	next := make([]int, len(waves)) // first the sizes of the waves, then where their next tenants go
	for _, w := range of {
		next[w]++
	}
	first := 0
	for w, size := range next {
		next[w] = first
		first += size
		a.Waves = append(a.Waves, Wave{Last: first})
	}
	if slices.IsSorted(of) {
		return a
	}
	a.Tenants = make([]task.Tenant, len(s.Tenants))
	for i, w := range of {
		a.Tenants[next[w]] = s.Tenants[i]
		next[w]++
	}
	return a
}

// waves returns the waves of the strategy of a spec with n tenants, with WaveSizes written out.
func (s Spec) waves(n int, e *InvalidError) []strategy.Wave {
	sizes := s.Strategy.WaveSizes
	if len(sizes) == 0 {
		return s.Strategy.Waves
	}
	for i, size := range sizes {
		if size.Kind == strategy.AmountCount && size.N > n {
			e.add(fmt.Sprintf("Strategy.WaveSizes[%d]", i), "%s is more than the %d tenants of the plan", size, n)
		}
	}
	var waves []strategy.Wave
	for left := n; left > 0; {
		if len(waves) == strategy.MaxWaves {
			e.add("Strategy.WaveSizes", "make more than %d waves", strategy.MaxWaves)
			return nil
		}
		size := min(left, sizes[min(len(waves), len(sizes)-1)].AtLeastOne(n))
		waves = append(waves, strategy.Wave{Size: strategy.Count(size)})
		left -= size
	}
	return waves
}

// unreached warns of sizes that are not used, because the sizes before them have all tenants.
func (s Spec) unreached(waves int) []Fault {
	if n := len(s.Strategy.WaveSizes); waves > 0 && waves < n {
		return []Fault{{Field: "WaveSizes", Problem: fmt.Sprintf("are %d, and the first %d have all tenants", n, waves)}}
	}
	return nil
}

// unbound warns of quotas that do not bind all tenants, for instance because a label is misspelt.
func (s Spec) unbound(c tally) (found []Fault) {
	for i, q := range s.Strategy.Quotas {
		problem, without := "", c.without[i]
		switch without {
		case 0:
			continue
		case c.tenants:
			problem = fmt.Sprintf("no tenant has the label %.64q: the quota binds nothing", q.Label)
		default:
			problem = fmt.Sprintf("%d of %d tenants have no label %.64q: the quota does not bind them", without, c.tenants, q.Label)
		}
		found = append(found, Fault{Field: fmt.Sprintf("Quotas[%d]", i), Problem: problem})
	}
	return found
}

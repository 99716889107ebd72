package plan_test

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// inSequence returns a spec whose tenants are a sequence instead of a list.
func inSequence(s plan.Spec) plan.Spec {
	s.TenantSeq, s.Tenants = slices.Values(s.Tenants), nil
	return s
}

// inTurn returns a sequence that yields one list after the other each time that it is ranged over,
// and the last one from then on.
func inTurn(lists ...[]task.Tenant) iter.Seq[task.Tenant] {
	return func(yield func(task.Tenant) bool) {
		list := lists[0]
		lists = lists[min(1, len(lists)-1):]
		for _, t := range list {
			if !yield(t) {
				return
			}
		}
	}
}

// paged returns all tenants of an arrangement, and the error with which they end.
func paged(a plan.Arrangement) (all []task.Tenant, err error) {
	for page, err := range a.Pages() {
		if err != nil {
			return all, err
		}
		if len(page) == 0 || len(page) > plan.MaxPage {
			return all, fmt.Errorf("a page of %d tenants", len(page))
		}
		all = append(all, page...)
	}
	return all, nil
}

// Whatever waves by sizes and quotas a spec has: a sequence is arranged as the list is.
func TestSequenceIsArrangedAsTheList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := divided(rapid.SampledFrom([]int{1, 2, 7, 99, plan.MaxPage - 1, plan.MaxPage, plan.MaxPage + 1, 3 * plan.MaxPage}).Draw(t, "tenants"))
		if rapid.Bool().Draw(t, "waves") {
			for range rapid.IntRange(0, 3).Draw(t, "sized") {
				s.Strategy.Waves = append(s.Strategy.Waves, strategy.Wave{Size: drawSize(t)})
			}
			s.Strategy.Waves = append(s.Strategy.Waves, strategy.Wave{})
		} else {
			s.Strategy.WaveSizes = rapid.SliceOfN(rapid.Custom(drawSize), 0, 4).Draw(t, "sizes")
		}
		s.Strategy.Quotas = []strategy.Quota{{Label: "region", Max: 1}, {Label: "none", Max: 1}}
		want, failed := s.Arrange(noon())
		got, err := inSequence(s).Arrange(noon())
		if (err != nil) != (failed != nil) {
			t.Fatalf("of a sequence %v, of the list %v", err, failed)
		}
		if err != nil {
			return
		}
		if !reflect.DeepEqual(got.Waves, want.Waves) || !reflect.DeepEqual(got.Strategy, want.Strategy) ||
			!slices.Equal(got.Warnings, want.Warnings) || got.TaskCount != want.TaskCount || !slices.Equal(got.Preview(), want.Preview()) {
			t.Fatalf("of a sequence %+v, of the list %+v", got, want)
		}
		list, err := paged(want)
		again, failed := paged(got)
		if err != nil || failed != nil || !reflect.DeepEqual(list, s.Tenants) || !reflect.DeepEqual(again, s.Tenants) {
			t.Fatalf("%v, %v; pages of the list %v, of the sequence %v, want %v", err, failed, list, again, s.Tenants)
		}
	})
}

func TestSequenceNamesTheFaults(t *testing.T) {
	t.Parallel()
	endless := func(yield func(task.Tenant) bool) {
		for i := 0; yield(task.Tenant{ID: fmt.Sprint(i)}); i++ {
		}
	}
	seq := func(ids ...string) iter.Seq[task.Tenant] { return slices.Values(plan.Tenants(ids...)) }
	tests := map[string]struct {
		tenants iter.Seq[task.Tenant]
		change  func(*plan.Spec)
		want    []string
	}{
		"none":        {seq(), nil, []string{"TenantSeq: yields no tenant"}},
		"too many":    {endless, nil, []string{"TenantSeq: yields more than 999999 tenants, the limit"}},
		"no id":       {seq("a", ""), nil, []string{"TenantSeq[1].ID: is empty"}},
		"the same":    {seq("a", "b", "a", "c", "b", "a"), nil, []string{`TenantSeq[2]: tenant "a" is already TenantSeq[0]`, `TenantSeq[4]: tenant "b" is already TenantSeq[1]`, `TenantSeq[5]: tenant "a" is already TenantSeq[0]`}},
		"with a list": {seq("a"), func(s *plan.Spec) { s.Tenants = plan.Tenants("b") }, []string{"TenantSeq: is set together with Tenants"}},
		"selected": {seq("a", "b"), func(s *plan.Spec) {
			s.Strategy.Waves = []strategy.Wave{{Tenants: []string{"a"}}, {Size: strategy.Count(1)}, {Labels: map[string]string{"k": "v"}}}
		}, []string{"Strategy.Waves[0]: selects tenants", "Strategy.Waves[2]: selects tenants"}},
		"left out": {seq("a", "b", "c"), func(s *plan.Spec) { s.Strategy.Waves = []strategy.Wave{{Size: strategy.Count(1)}} }, []string{"Strategy.Waves: leave out 2 tenants, the first is TenantSeq[1]"}},
		"labels": {slices.Values([]task.Tenant{{ID: "a", Labels: map[string]string{"": "x"}}, {ID: "b", Parameters: map[string]string{"k": fill(plan.MaxParameters)}}}), nil, []string{
			"TenantSeq[0].Labels: has an empty key", "TenantSeq[1].Parameters: are 16385 bytes",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := spec(func(s *plan.Spec) { s.Tenants, s.TenantSeq = nil, tt.tenants })
			if tt.change != nil {
				tt.change(&s)
			}
			got := invalid(t, s.Validate())
			same := func(f plan.Fault, want string) bool { return strings.HasPrefix(f.String(), want) }
			if got.Total != len(tt.want) || !slices.EqualFunc(got.Faults, tt.want, same) {
				t.Errorf("faults %q, want %q", got.Faults, tt.want)
			}
		})
	}
}

// A sequence that is not the same again is noticed before the first tenant that differs is yielded.
func TestSequenceThatChanges(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, plan.MaxPage, plan.MaxPage + 1, 3*plan.MaxPage - 1} {
		for name, change := range map[string]func([]task.Tenant) []task.Tenant{
			"none":          func([]task.Tenant) []task.Tenant { return nil },
			"one less":      func(l []task.Tenant) []task.Tenant { return l[:n-1] },
			"one more":      func(l []task.Tenant) []task.Tenant { return append(l, task.Tenant{ID: "more"}) },
			"another":       func(l []task.Tenant) []task.Tenant { l[n-1].ID = "other"; return l },
			"label":         func(l []task.Tenant) []task.Tenant { l[n-1].Labels = map[string]string{"k": "v"}; return l },
			"parameter":     func(l []task.Tenant) []task.Tenant { l[0].Parameters = map[string]string{"k": "v"}; return l },
			"first instead": func(l []task.Tenant) []task.Tenant { l[n-1], l[0] = l[0], task.Tenant{ID: "first"}; return l },
			"exchanged": func(l []task.Tenant) []task.Tenant {
				l[0], l[n-1] = l[n-1], l[0]
				l[n-1].Labels = map[string]string{"k": "w"}
				return l
			},
		} {
			t.Run(fmt.Sprintf("%s of %d", name, n), func(t *testing.T) {
				t.Parallel()
				s := spec(func(s *plan.Spec) { s.TenantSeq, s.Tenants = inTurn(list(n), change(list(n))), nil })
				a, err := s.Arrange(noon())
				if err != nil {
					t.Fatal(err)
				}
				all, err := paged(a)
				changed := new(plan.SequenceError)
				if !errors.Is(err, plan.ErrSequenceChanged) || !errors.As(err, &changed) || changed.Count != n || changed.Same != len(all) {
					t.Fatalf("%v after %d tenants", err, len(all))
				}
				if !reflect.DeepEqual(all, list(n)[:len(all):len(all)]) && len(all) > 0 {
					t.Errorf("it has yielded %v", all)
				}
			})
		}
	}
}

// Labels and parameters that change places, and a label that is split elsewhere, are differences.
func TestSequenceThatMovesItsWords(t *testing.T) {
	t.Parallel()
	word := func(k, v string) map[string]string { return map[string]string{k: v} }
	was := task.Tenant{ID: "a", Labels: word("ab", "c"), Parameters: word("d", "e")}
	for _, is := range []task.Tenant{
		{ID: "a", Labels: word("d", "e"), Parameters: word("ab", "c")},
		{ID: "a", Labels: word("a", "bc"), Parameters: word("d", "e")},
		{ID: "a", Labels: word("c", "ab"), Parameters: word("d", "e")},
		{ID: "a", Labels: map[string]string{"ab": "c", "d": "e"}},
	} {
		s := spec(func(s *plan.Spec) { s.TenantSeq, s.Tenants = inTurn([]task.Tenant{was}, []task.Tenant{is}), nil })
		a, err := s.Arrange(noon())
		if _, changed := paged(a); err != nil || !errors.Is(changed, plan.ErrSequenceChanged) {
			t.Errorf("%+v: %v, %v", is, err, changed)
		}
	}
}

// ExampleSpec_tenantSeq reads the tenants of a plan row by row.
func ExampleSpec_tenantSeq() {
	rows := func(yield func(task.Tenant) bool) { // a query of yours, ordered by its key
		for i := range 100_000 {
			if !yield(task.Tenant{ID: fmt.Sprintf("tenant-%06d", i+1)}) {
				return
			}
		}
	}
	spec := plan.Spec{
		Name: "blue-green switch", ExecutorType: "BLUE_GREEN_SWITCH", TenantSeq: rows,
		Strategy: strategy.Strategy{WaveSizes: []strategy.Amount{strategy.Percent(1), strategy.Percent(100)}},
	}
	fmt.Println(spec.Validate())
	// Output: <nil>
}

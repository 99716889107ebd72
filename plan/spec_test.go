package plan_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// spec returns a valid spec, changed by change.
func spec(change func(*plan.Spec)) plan.Spec {
	s := plan.Spec{
		Name:         "blue-green switch",
		ExecutorType: "BLUE_GREEN_SWITCH",
		Parameters:   map[string]string{"colour": "green"},
		Tenants:      plan.Tenants("acme", "globex", "initech"),
	}
	if change != nil {
		change(&s)
	}
	return s
}

func fill(n int) string { return strings.Repeat("x", n) }

func TestValidateAccepts(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*plan.Spec){
		"plain":                     nil,
		"one tenant":                func(s *plan.Spec) { s.Tenants = plan.Tenants("acme") },
		"tenant id of 128 bytes":    func(s *plan.Spec) { s.Tenants = plan.Tenants(fill(128)) },
		"tenant ids in other cases": func(s *plan.Spec) { s.Tenants = plan.Tenants("acme", "Acme", "acme ") },
		"tenant id in runes":        func(s *plan.Spec) { s.Tenants = plan.Tenants("租户一", "租户二") },
		"name of 256 bytes":         func(s *plan.Spec) { s.Name = fill(plan.MaxName) },
		"executor of 256 bytes":     func(s *plan.Spec) { s.ExecutorType = fill(plan.MaxName) },
		"key of 256 bytes":          func(s *plan.Spec) { s.IdempotencyKey = fill(plan.MaxKey) },
		"no parameters":             func(s *plan.Spec) { s.Parameters = nil },
		"parameters of 16 KiB": func(s *plan.Spec) {
			s.Parameters = map[string]string{"k": fill(plan.MaxParameters - 1)}
			s.Annotations = map[string]string{"k": fill(plan.MaxAnnotations - 1)}
		},
		"labels and parameters": func(s *plan.Spec) {
			s.Tenants[1].Labels = map[string]string{"region": "eu"}
			s.Tenants[1].Parameters = map[string]string{"colour": ""}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := spec(change).Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestValidateNamesTheFault(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*plan.Spec)
		want   plan.Fault
	}{
		"no name":        {func(s *plan.Spec) { s.Name = "" }, plan.Fault{Field: "Name", Problem: "is empty"}},
		"blank name":     {func(s *plan.Spec) { s.Name = " \t\u00a0" }, plan.Fault{Field: "Name", Problem: "is blank"}},
		"blank executor": {func(s *plan.Spec) { s.ExecutorType = "\n" }, plan.Fault{Field: "ExecutorType", Problem: "is blank"}},
		"long name":      {func(s *plan.Spec) { s.Name = fill(257) }, plan.Fault{Field: "Name", Problem: "is 257 bytes, the limit is 256"}},
		"name not UTF-8": {func(s *plan.Spec) { s.Name = "\xff" }, plan.Fault{Field: "Name", Problem: "is not UTF-8"}},
		"no executor":    {func(s *plan.Spec) { s.ExecutorType = "" }, plan.Fault{Field: "ExecutorType", Problem: "is empty"}},
		"long key": {
			func(s *plan.Spec) { s.IdempotencyKey = fill(257) },
			plan.Fault{Field: "IdempotencyKey", Problem: "is 257 bytes, the limit is 256"},
		},
		"parameters over 16 KiB": {
			func(s *plan.Spec) { s.Parameters = map[string]string{"k": fill(plan.MaxParameters)} },
			plan.Fault{Field: "Parameters", Problem: "are 16385 bytes, the limit is 16384"},
		},
		"annotations over 4 KiB": {
			func(s *plan.Spec) { s.Annotations = map[string]string{"k": fill(plan.MaxAnnotations)} },
			plan.Fault{Field: "Annotations", Problem: "are 4097 bytes, the limit is 4096"},
		},
		"empty parameter key": {
			func(s *plan.Spec) { s.Parameters = map[string]string{"": "x"} },
			plan.Fault{Field: "Parameters", Problem: "has an empty key"},
		},
		"parameter not UTF-8": {
			func(s *plan.Spec) { s.Parameters = map[string]string{"k": "\xff"} },
			plan.Fault{Field: "Parameters", Problem: `"k" is not UTF-8`},
		},
		"no tenants":       {func(s *plan.Spec) { s.Tenants = nil }, plan.Fault{Field: "Tenants", Problem: "is empty"}},
		"empty tenant":     {func(s *plan.Spec) { s.Tenants[1].ID = "" }, plan.Fault{Field: "Tenants[1].ID", Problem: "is empty"}},
		"long tenant":      {func(s *plan.Spec) { s.Tenants[1].ID = fill(129) }, plan.Fault{Field: "Tenants[1].ID", Problem: "is 129 bytes, the limit is 128"}},
		"tenant not UTF-8": {func(s *plan.Spec) { s.Tenants[1].ID = "a\xff" }, plan.Fault{Field: "Tenants[1].ID", Problem: "is not UTF-8"}},
		"tenant twice": {
			func(s *plan.Spec) { s.Tenants[2].ID = "acme" },
			plan.Fault{Field: "Tenants[2]", Problem: `tenant "acme" is already Tenants[0]`},
		},
		"label not UTF-8": {
			func(s *plan.Spec) { s.Tenants[2].Labels = map[string]string{"\xff": "x"} },
			plan.Fault{Field: "Tenants[2].Labels", Problem: `"\xff" is not UTF-8`},
		},
		"tenant's parameters over 16 KiB": {
			func(s *plan.Spec) { s.Tenants[0].Parameters = map[string]string{"k": fill(plan.MaxParameters)} },
			plan.Fault{Field: "Tenants[0].Parameters", Problem: "are 16385 bytes, the limit is 16384"},
		},
		"strategy": {
			func(s *plan.Spec) { s.Strategy.MaxFailures = strategy.Percent(101) },
			plan.Fault{Field: "Strategy.MaxFailures", Problem: "101% is more than 100%"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := invalid(t, spec(tt.change).Validate())
			if got.Total != 1 || !slices.Equal(got.Faults, []plan.Fault{tt.want}) {
				t.Errorf("%d faults %+v, want %+v", got.Total, got.Faults, tt.want)
			}
		})
	}
}

// invalid returns the faults of a spec that was refused.
func invalid(t rapid.TB, err error) *plan.InvalidError {
	t.Helper()
	var invalid *plan.InvalidError
	if !errors.Is(err, plan.ErrInvalid) || !errors.As(err, &invalid) {
		t.Fatalf("Validate = %v, want ErrInvalid", err)
	}
	return invalid
}

func TestValidateNamesAllFaults(t *testing.T) {
	t.Parallel()
	s := plan.Spec{
		Tenants:  append(plan.Tenants("acme", "", "acme", fill(129)), task.Tenant{ID: "acme", Labels: map[string]string{"": "x"}}),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(-1), FailureAction: 77},
	}
	got := invalid(t, s.Validate())
	var fields []string
	for _, f := range got.Faults {
		fields = append(fields, f.Field)
	}
	want := []string{
		"Name", "ExecutorType", "Strategy.MaxConcurrency", "Strategy.FailureAction",
		"Tenants[1].ID", "Tenants[2]", "Tenants[3].ID", "Tenants[4]", "Tenants[4].Labels",
	}
	if !slices.Equal(fields, want) || got.Total != len(want) {
		t.Errorf("%d faults in %q, want %q", got.Total, fields, want)
	}
	text := `plan: invalid, 9 faults; Name: is empty; ExecutorType: is empty; ` +
		`Strategy.MaxConcurrency: -1 is negative; Strategy.FailureAction: Action(77) is not an action; ` +
		`Tenants[1].ID: is empty; and 4 more`
	if got.Error() != text {
		t.Errorf("%s\nwant %s", got, text)
	}
}

// One fault is one fault, and is shown by itself as the error shows it.
func TestValidateNamesOneFault(t *testing.T) {
	t.Parallel()
	err := plan.Spec{ExecutorType: "X", Tenants: plan.Tenants("a")}.Validate()
	var invalid *plan.InvalidError
	if !errors.As(err, &invalid) || err.Error() != "plan: invalid, 1 fault; Name: is empty" || invalid.Faults[0].String() != "Name: is empty" {
		t.Errorf("%v", err)
	}
}

// If a spec has very many faults, the error names the first hundred and counts all.
func TestValidateCountsAllFaults(t *testing.T) {
	t.Parallel()
	for _, n := range []int{99, 100, 101, 5000} {
		got := invalid(t, spec(func(s *plan.Spec) { s.Tenants = make([]task.Tenant, n) }).Validate())
		if got.Total != n || len(got.Faults) != min(n, 100) {
			t.Errorf("%d empty tenants: %d named of %d", n, len(got.Faults), got.Total)
		}
		if last := got.Faults[len(got.Faults)-1].Field; last != fmt.Sprintf("Tenants[%d].ID", min(n, 100)-1) {
			t.Errorf("the last one named is %s", last)
		}
	}
}

func TestValidateAtTheMostTenants(t *testing.T) {
	t.Parallel()
	if !sample.Full(t, 20) {
		t.Skip("one of 20 runs with -short makes a spec of a million tenants")
	}
	tenants := make([]task.Tenant, 1_000_000)
	for i := range tenants {
		tenants[i].ID = strconv.Itoa(i)
	}
	s := spec(func(s *plan.Spec) { s.Tenants = tenants[:999_999] })
	if err := s.Validate(); err != nil {
		t.Errorf("999,999 tenants: %v", err)
	}
	s.Tenants = tenants
	got := invalid(t, s.Validate())
	want := plan.Fault{Field: "Tenants", Problem: "has 1000000 tenants, the limit is 999999"}
	if got.Total != 1 || got.Faults[0] != want {
		t.Errorf("1,000,000 tenants: %+v", got)
	}
}

// Validate counts one fault for each tenant whose id is invalid or occurs earlier in the spec.
func TestValidateTenants(t *testing.T) {
	t.Parallel()
	id := rapid.OneOf(
		rapid.SampledFrom([]string{"", "a", "b", "a\xff", fill(128), fill(129)}),
		rapid.StringMatching(`[a-z]{1,3}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(id, 1, 20).Draw(t, "ids")
		want, seen := 0, map[string]bool{}
		for _, id := range ids {
			if id == "" || len(id) > 128 || id == "a\xff" || seen[id] {
				want++
			}
			seen[id] = true
		}
		err := spec(func(s *plan.Spec) { s.Tenants = plan.Tenants(ids...) }).Validate()
		if want == 0 {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if got := invalid(t, err); got.Total != want {
			t.Errorf("%d faults, want %d: %v", got.Total, want, err)
		}
	})
}

// FuzzValidate checks that Validate does not panic, that its error can be printed, and that the
// error names as many faults as it counts.
func FuzzValidate(f *testing.F) {
	f.Add("name", "type", "key", "acme", "globex", "k", "v", 1, 10, uint8(9))
	f.Add("", "\xff", fill(300), "", "a\xff", "", "\xff", -1, 101, uint8(6))
	f.Fuzz(func(t *testing.T, name, kind, key, one, two, k, v string, held, failed int, amounts uint8) {
		s := plan.Spec{
			Name: name, ExecutorType: kind, IdempotencyKey: key,
			Parameters: map[string]string{k: v},
			Tenants:    append(plan.Tenants(one, two), task.Tenant{ID: one, Labels: map[string]string{v: k}}),
			Strategy: strategy.Strategy{
				MaxConcurrency:  strategy.Amount{Kind: strategy.AmountKind(amounts), N: held},
				MaxFailures:     strategy.Amount{Kind: strategy.AmountKind(amounts >> 2), N: failed},
				FailureAction:   strategy.Action(held),
				ConcurrencyMode: strategy.ConcurrencyMode(failed),
			},
		}
		// The third tenant has the id of the first, so the spec always has a fault.
		got := invalid(t, s.Validate())
		if got.Total != len(got.Faults) || got.Error() == "" {
			t.Errorf("%d faults counted, %d named", got.Total, len(got.Faults))
		}
		for _, fault := range got.Faults {
			if fault.Field == "" || fault.Problem == "" || len(fault.Problem) > 1000 {
				t.Errorf("fault %+v", fault)
			}
		}
	})
}

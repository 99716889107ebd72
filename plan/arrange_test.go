package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// list returns tenants t1 to tn. Every third is in the region eu, and every fifth is gold.
func list(n int) []task.Tenant {
	tenants := make([]task.Tenant, n)
	for i := range tenants {
		tenants[i] = task.Tenant{ID: fmt.Sprint("t", i+1), Labels: map[string]string{}}
		if i%3 == 2 {
			tenants[i].Labels["region"] = "eu"
		}
		if i%5 == 4 {
			tenants[i].Labels["tier"] = "gold"
		}
	}
	return tenants
}

// divided returns a spec of n tenants with these waves.
func divided(n int, waves ...strategy.Wave) plan.Spec {
	return spec(func(s *plan.Spec) { s.Tenants, s.Strategy.Waves = list(n), waves })
}

// bySizes returns a spec of n tenants with waves of these sizes.
func bySizes(n int, sizes ...strategy.Amount) plan.Spec {
	return spec(func(s *plan.Spec) { s.Tenants, s.Strategy.WaveSizes = list(n), sizes })
}

// named are the tenants of each wave, as "t1 t2 | t3".
func named(a plan.Arrangement) string {
	var b strings.Builder
	w := 0
	for i, t := range a.Tenants {
		switch {
		case w < len(a.Waves) && i == a.Waves[w].Last:
			w++
			b.WriteString(" | ")
		case i > 0:
			b.WriteString(" ")
		}
		b.WriteString(t.ID)
	}
	return b.String()
}

func TestArrange(t *testing.T) {
	t.Parallel()
	eu, gold := map[string]string{"region": "eu"}, map[string]string{"tier": "gold"}
	tests := map[string]struct {
		spec plan.Spec
		want string
	}{
		"no waves":              {spec(nil), "acme globex initech"},
		"one wave of all":       {divided(3, strategy.Wave{}), "t1 t2 t3"},
		"sizes":                 {divided(5, strategy.Wave{Size: strategy.Count(1)}, strategy.Wave{Size: strategy.Percent(40)}, strategy.Wave{}), "t1 | t2 t3 | t4 t5"},
		"sizes of all":          {divided(3, strategy.Wave{Size: strategy.Count(1)}, strategy.Wave{Size: strategy.Count(2)}), "t1 | t2 t3"},
		"a percentage of all":   {divided(10, strategy.Wave{Labels: eu}, strategy.Wave{Size: strategy.Percent(50)}, strategy.Wave{}), "t3 t6 t9 | t1 t2 t4 t5 t7 | t8 t10"},
		"less than one":         {divided(3, strategy.Wave{Size: strategy.Percent(10)}, strategy.Wave{}), "t1 | t2 t3"},
		"labels":                {divided(6, strategy.Wave{Labels: eu}, strategy.Wave{}), "t3 t6 | t1 t2 t4 t5"},
		"labels last":           {divided(6, strategy.Wave{Size: strategy.Count(4)}, strategy.Wave{Labels: eu}), "t1 t2 t4 t5 | t3 t6"},
		"all of several labels": {divided(15, strategy.Wave{Labels: map[string]string{"region": "eu", "tier": "gold"}}, strategy.Wave{Size: strategy.Count(14)}), "t15 | t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11 t12 t13 t14"},
		"tenants":               {divided(4, strategy.Wave{Tenants: []string{"t4", "t2"}}, strategy.Wave{}), "t2 t4 | t1 t3"},
		"everything": {
			divided(9, strategy.Wave{Tenants: []string{"t9"}}, strategy.Wave{Size: strategy.Count(2)}, strategy.Wave{Labels: gold}, strategy.Wave{}),
			"t9 | t1 t2 | t5 | t3 t4 t6 t7 t8",
		},
		"the last size repeats":    {bySizes(7, strategy.Count(1), strategy.Count(2)), "t1 | t2 t3 | t4 t5 | t6 t7"},
		"the last wave is smaller": {bySizes(6, strategy.Count(4)), "t1 t2 t3 t4 | t5 t6"},
		"percentages":              {bySizes(25, strategy.Percent(10), strategy.Percent(90)), "t1 t2 | t3 t4 t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15 t16 t17 t18 t19 t20 t21 t22 t23 t24 | t25"},
		"a size of all":            {bySizes(3, strategy.Count(3)), "t1 t2 t3"},
		"sizes that are not used":  {bySizes(3, strategy.Percent(100), strategy.Count(1)), "t1 t2 t3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := tt.spec.Arrange(noon())
			if err != nil || named(a) != tt.want {
				t.Fatalf("%q, want %q; %v", named(a), tt.want, err)
			}
			if len(a.Strategy.Waves) != len(a.Waves) || a.Strategy.WaveSizes != nil {
				t.Errorf("strategy %+v", a.Strategy)
			}
			for _, w := range a.Strategy.Waves {
				if w.Size != (strategy.Amount{}) || w.Selects() {
					t.Errorf("the stored wave %+v selects tenants", w)
				}
			}
		})
	}
}

func TestArrangeNamesTheFault(t *testing.T) {
	t.Parallel()
	eu, gold := map[string]string{"region": "eu"}, map[string]string{"tier": "gold"}
	size := func(n int) strategy.Wave { return strategy.Wave{Size: strategy.Count(n)} }
	tests := map[string]struct {
		spec plan.Spec
		want []string // "field: problem"
	}{
		"incomplete": {divided(4, size(1), size(2)), []string{`Strategy.Waves: leave out 1 tenants, the first is Tenants[3] "t4"`}},
		"incomplete percentages": {
			divided(3, strategy.Wave{Size: strategy.Percent(50)}, strategy.Wave{Size: strategy.Percent(50)}),
			[]string{`Strategy.Waves: leave out 1 tenants, the first is Tenants[2] "t3"`},
		},
		"larger than the plan": {
			divided(4, size(3), size(3)),
			[]string{"Strategy.Waves[1].Size: 3 are 3 tenants, 1 are left for it"},
		},
		"nothing is left": {divided(2, size(2), strategy.Wave{}), []string{"Strategy.Waves[1]: takes the rest, and no tenant is left"}},
		"overlapping": {
			divided(15, strategy.Wave{Labels: gold}, strategy.Wave{Labels: eu}, strategy.Wave{Tenants: []string{"t3", "t1"}}, strategy.Wave{}),
			[]string{
				`Tenants[2]: tenant "t3" is in Waves[2] and in Waves[1]`,
				`Tenants[14]: tenant "t15" is in Waves[0] and in Waves[1]`,
			},
		},
		"labels of nobody":   {divided(4, strategy.Wave{Labels: map[string]string{"region": "us"}}, strategy.Wave{}), []string{`Strategy.Waves[0].Labels: no tenant has "region=us"`}},
		"some labels of all": {divided(4, strategy.Wave{Labels: map[string]string{"region": "eu", "tier": "gold"}}, strategy.Wave{}), []string{`Strategy.Waves[0].Labels: no tenant has "region=eu, tier=gold"`}},
		"unknown and repeated tenants": {
			divided(4, strategy.Wave{Tenants: []string{"t1", "t9", "t1"}}, strategy.Wave{Tenants: []string{"t1", "t2"}}, strategy.Wave{}),
			[]string{
				`Strategy.Waves[0].Tenants: tenant "t1" is already in Waves[0]`,
				`Strategy.Waves[1].Tenants: tenant "t1" is already in Waves[0]`,
				`Strategy.Waves[0].Tenants: tenant "t9" is not one of the plan`,
			},
		},
		"both": {spec(func(s *plan.Spec) {
			s.Strategy.Waves, s.Strategy.WaveSizes = []strategy.Wave{{}}, []strategy.Amount{strategy.Count(1)}
		}), []string{"Strategy.WaveSizes: are set together with Waves"}},
		"too many sizes": {bySizes(2001, strategy.Count(2)), []string{"Strategy.WaveSizes: make more than 1000 waves"}},
		"too many waves": {divided(2000, make([]strategy.Wave, 1001)...), []string{"Strategy.Waves: are 1001, the limit is 1000"}},
		"size too large": {bySizes(4, strategy.Count(1), strategy.Count(5)), []string{"Strategy.WaveSizes[1]: 5 is more than the 4 tenants of the plan"}},
		"sizes of nothing": {
			bySizes(4, strategy.Count(0), strategy.Amount{}, strategy.Percent(0), strategy.Count(-1), strategy.Percent(101)),
			[]string{
				"Strategy.WaveSizes[0]: is 0", "Strategy.WaveSizes[1]: is 0", "Strategy.WaveSizes[2]: is 0",
				"Strategy.WaveSizes[3]: -1 is negative", "Strategy.WaveSizes[4]: 101% is more than 100%",
			},
		},
		"selectors together": {
			divided(4, strategy.Wave{Size: strategy.Count(1), Labels: eu}, strategy.Wave{}, strategy.Wave{}),
			[]string{
				"Strategy.Waves[0]: has several of Size, Labels and Tenants",
				"Strategy.Waves[1]: has no Size, Labels or Tenants; only the last wave takes the rest",
			},
		},
		"empty selectors": {
			divided(4, strategy.Wave{Labels: map[string]string{}}, strategy.Wave{Tenants: []string{}}),
			[]string{"Strategy.Waves[0].Labels: is empty", "Strategy.Waves[1].Tenants: is empty"},
		},
		"values of a wave": {
			divided(4, strategy.Wave{
				Name: "\xff", MaxConcurrency: strategy.Count(-1), MaxFailures: strategy.Percent(101), BakeTime: -time.Second,
			}),
			[]string{
				"Strategy.Waves[0].Name: is not UTF-8", "Strategy.Waves[0].MaxConcurrency: -1 is negative",
				"Strategy.Waves[0].MaxFailures: 101% is more than 100%", "Strategy.Waves[0].BakeTime: -1s is negative",
			},
		},
		"labels that are no text": {
			divided(4, strategy.Wave{Labels: map[string]string{"": "x", "\xff": "y"}}, strategy.Wave{Name: fill(257)}),
			[]string{
				"Strategy.Waves[0].Labels: has an empty key", `Strategy.Waves[0].Labels: "\xff" is not UTF-8`,
				"Strategy.Waves[1].Name: is 257 bytes, the limit is 256",
			},
		},
		"a tolerant canary": {
			divided(4, strategy.Wave{Canary: true, MaxFailures: strategy.Count(1)}),
			[]string{"Strategy.Waves[0].MaxFailures: 1 contradicts Canary, which tolerates none"},
		},
		"times": {
			spec(func(s *plan.Spec) {
				s.Strategy.BakeTime, s.Strategy.FirstBakeTime, s.Strategy.FinalBakeTime = -time.Hour, time.Microsecond, 400*24*time.Hour
			}),
			[]string{
				"Strategy.BakeTime: -1h0m0s is negative", "Strategy.FirstBakeTime: 1µs is not a whole number of milliseconds",
				"Strategy.FinalBakeTime: 9600h0m0s is longer than 366 days",
			},
		},
		"windows and a name": {
			spec(func(s *plan.Spec) {
				s.Name, s.Strategy.Windows = "", []window.Window{{Kind: window.Allow, Zone: "Nowhere/At_All"}}
			}),
			[]string{"Name: is empty", `Strategy.Windows[0].Zone: "Nowhere/At_All" is unknown in the time zone database of this host`},
		},
		"windows that never open, and waves": {
			spec(func(s *plan.Spec) {
				s.Strategy.Windows = []window.Window{{Kind: window.Allow, Zone: "UTC", Dates: []window.DateRange{window.OnDate(2020, 1, 1)}}}
				s.Strategy.Waves = []strategy.Wave{{Size: strategy.Count(9)}}
			}),
			[]string{
				"Strategy.Waves[0].Size: 9 are 9 tenants, 3 are left for it",
				"Strategy.Windows: do not open at 2026-03-01T12:00:00Z or in the 400 days after it",
			},
		},
		"a wave of a spec with other faults": {
			spec(func(s *plan.Spec) { s.Name, s.Strategy.Waves = "", []strategy.Wave{{Labels: eu}, {}} }),
			[]string{"Name: is empty", `Strategy.Waves[0].Labels: no tenant has "region=eu"`},
		},
		"no waves of no tenants": {
			spec(func(s *plan.Spec) { s.Tenants, s.Strategy.Waves = nil, []strategy.Wave{{}} }),
			[]string{"Tenants: is empty"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.spec.Arrange(noon())
			got := invalid(t, err)
			same := func(f plan.Fault, want string) bool { return strings.HasPrefix(f.Field+": "+f.Problem, want) }
			if got.Total != len(tt.want) || !slices.EqualFunc(got.Faults, tt.want, same) {
				t.Errorf("faults %q, want %q", got.Faults, tt.want)
			}
		})
	}
}

func TestArrangeWarns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spec plan.Spec
		want []string
	}{
		"nothing": {divided(10, strategy.Wave{Size: strategy.Count(1), Canary: true}, strategy.Wave{}), nil},
		"the plan": {
			spec(func(s *plan.Spec) { s.Strategy.MaxFailures = strategy.Count(3) }),
			[]string{"Strategy.MaxFailures: 3 of 3 tasks tolerates that all of them fail"},
		},
		"sizes that are not used": {
			bySizes(3, strategy.Count(1), strategy.Count(2), strategy.Count(1)),
			[]string{"Strategy.WaveSizes: are 3, and the first 2 have all tenants"},
		},
		"quotas that bind few": {
			spec(func(s *plan.Spec) {
				s.Tenants[1].Labels = map[string]string{"shard": "", "region": "eu"}
				s.Tenants[0].Labels, s.Tenants[2].Labels = map[string]string{"shard": "a"}, map[string]string{"shard": "b"}
				s.Strategy.Quotas = []strategy.Quota{{Label: "shard", Max: 1}, {Label: "shrad", Max: 1}, {Label: "region", Max: 1}}
			}),
			[]string{
				`Strategy.Quotas[1]: no tenant has the label "shrad": the quota binds nothing`,
				`Strategy.Quotas[2]: 2 of 3 tenants have no label "region": the quota does not bind them`,
			},
		},
		"a wave": {
			spec(func(s *plan.Spec) {
				s.Tenants, s.Strategy.MaxConcurrency, s.Strategy.MaxFailures = list(20), strategy.Count(2), strategy.Percent(10)
				s.Strategy.Waves = []strategy.Wave{
					{Name: "a", Size: strategy.Count(5), MaxConcurrency: strategy.Percent(10), MaxFailures: strategy.Count(3)},
					{Name: "a", Size: strategy.Count(5), MaxConcurrency: strategy.Count(3)},
					{Canary: true, MaxConcurrency: strategy.Count(2), MaxFailures: strategy.Count(0)},
				}
			}),
			[]string{
				"Strategy.Waves[0].MaxConcurrency: 10% of 5 tasks is less than one; it counts as 1",
				"Strategy.Waves[0].MaxFailures: 3 of 5 tasks is never reached: the plan tolerates 2",
				"Strategy.Waves[1].MaxConcurrency: 3 of 5 tasks is never reached: the plan has 2 at once",
				"Strategy.Waves[2].MaxConcurrency: 2 of 10 tasks is never reached: a canary has 1 in flight at most",
				"Strategy.Waves: 10% of the tasks is less than one in 1 waves, the first is Waves[1] with 5 tasks: no failure is tolerated there",
				`Strategy.Waves[1].Name: "a" is also the name of Waves[0]`,
			},
		},
		"windows": {
			spec(func(s *plan.Spec) {
				s.Strategy.Windows = []window.Window{{Kind: window.Deny, Zone: "UTC", Dates: []window.DateRange{window.OnDate(2020, 1, 1)}}}
			}),
			[]string{"Strategy.Windows[0]: matches no time any more: its dates are over"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := tt.spec.Arrange(noon())
			same := func(f plan.Fault, want string) bool { return f.Field+": "+f.Problem == want }
			if err != nil || !slices.EqualFunc(a.Warnings, tt.want, same) {
				t.Errorf("warnings %q, want %q; %v", a.Warnings, tt.want, err)
			}
		})
	}
}

// Whatever waves are asked for: either they are refused, or every tenant is in exactly one wave,
// and in one that selects it; the tenants of a wave keep their order, and nothing else of them
// changes.
func TestArrangePutsEveryTenantInOneWave(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := divided(rapid.IntRange(1, 20).Draw(t, "tenants"), rapid.SliceOfN(rapid.Custom(drawSelectors), 1, 5).Draw(t, "waves")...)
		if rapid.Bool().Draw(t, "by sizes") {
			s.Strategy.WaveSizes = rapid.SliceOfN(rapid.Custom(drawSize), 1, 4).Draw(t, "sizes")
			s.Strategy.Waves = nil
		}
		a, err := s.Arrange(noon())
		if valid := s.Validate(); (valid == nil) != (err == nil) {
			t.Fatalf("Validate %v, Arrange %v", valid, err)
		}
		if err != nil {
			return
		}
		place := make(map[string]int)
		for i, tenant := range s.Tenants {
			place[tenant.ID] = i
		}
		w, before := 0, -1
		for i, tenant := range a.Tenants {
			if i == a.Waves[w].Last {
				w, before = w+1, -1
			}
			at, known := place[tenant.ID]
			if delete(place, tenant.ID); !known || at < before || !maps.Equal(tenant.Labels, s.Tenants[at].Labels) {
				t.Fatalf("ordinal %d is %+v, place %d", i+1, tenant, at)
			}
			before = at
			if len(s.Strategy.Waves) > 0 && !belongs(tenant, s.Strategy.Waves[w]) {
				t.Fatalf("%+v is in wave %+v", tenant, s.Strategy.Waves[w])
			}
		}
		if len(place) > 0 || w != len(a.Waves)-1 {
			t.Fatalf("%v are in no wave; the last is wave %d of %+v", place, w+1, a.Waves)
		}
	})
}

func drawSize(t *rapid.T) strategy.Amount {
	if rapid.Bool().Draw(t, "percent") {
		return strategy.Percent(rapid.IntRange(1, 100).Draw(t, "size"))
	}
	return strategy.Count(rapid.IntRange(1, 12).Draw(t, "size"))
}

func drawSelectors(t *rapid.T) (w strategy.Wave) {
	switch rapid.IntRange(0, 4).Draw(t, "selector") {
	case 0, 1:
		w.Size = drawSize(t)
	case 2:
		w.Labels = rapid.SampledFrom([]map[string]string{{"region": "eu"}, {"tier": "gold"}, {"region": "eu", "tier": "gold"}}).Draw(t, "labels")
	case 3:
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 20), 1, 3, rapid.ID).Draw(t, "named") {
			w.Tenants = append(w.Tenants, fmt.Sprint("t", n))
		}
	}
	return w
}

// belongs reports whether a wave may have a tenant.
func belongs(tenant task.Tenant, w strategy.Wave) bool {
	for k, v := range w.Labels {
		if tenant.Labels[k] != v {
			return false
		}
	}
	return len(w.Tenants) == 0 || slices.Contains(w.Tenants, tenant.ID)
}

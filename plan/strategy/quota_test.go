package strategy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/plan/strategy"
)

// Every fault of every quota is named at once.
func TestFaultsOfQuotas(t *testing.T) {
	t.Parallel()
	of := func(quotas ...strategy.Quota) strategy.Strategy { return strategy.Strategy{Quotas: quotas} }
	for name, tt := range map[string]struct {
		s    strategy.Strategy
		want []string
	}{
		"none":              {of(), nil},
		"one":               {of(strategy.Quota{Label: "shard", Max: 5}), nil},
		"the largest":       {of(strategy.Quota{Label: strings.Repeat("x", strategy.MaxQuotaLabel), Max: strategy.MaxQuotaPlaces}), nil},
		"of odd bytes":      {of(strategy.Quota{Label: " \x00{}:%\n世界", Max: 1}), nil},
		"without a label":   {of(strategy.Quota{Max: 1}), []string{"Quotas[0].Label: is empty"}},
		"without a maximum": {of(strategy.Quota{Label: "a"}), []string{"Quotas[0].Max: 0 is not from 1 to 1000"}},
		"all at once": {
			of(strategy.Quota{Label: "a", Max: -1}, strategy.Quota{}, strategy.Quota{Label: "a", Max: 1001}, strategy.Quota{Label: "\xff", Max: 1}, strategy.Quota{Label: strings.Repeat("x", 129), Max: 1}),
			[]string{
				"Quotas[0].Max: -1 is not from 1 to 1000", "Quotas[1].Label: is empty", "Quotas[1].Max: 0 is not from 1 to 1000",
				`Quotas[2].Label: "a" is already that of Quotas[0]`, "Quotas[2].Max: 1001 is not from 1 to 1000",
				"Quotas[3].Label: is not UTF-8", "Quotas[4].Label: is 129 bytes, the limit is 128",
			},
		},
		"too many": {of(make([]strategy.Quota, 9)...), []string{"Quotas: has 9 quotas, the limit is 8"}},
	} {
		var got []string
		for _, f := range tt.s.Faults() {
			got = append(got, f.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

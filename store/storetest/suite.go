package storetest

import (
	"slices"
	"testing"
)

// Run tests a store against every promise of the contract.
func Run(t *testing.T, h Harness) {
	t.Helper()
	h = h.withDefaults()
	for _, promise := range promises() {
		t.Run(promise.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range promise.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					if c.trims && h.NewTrimming == nil {
						t.Skip("the harness has no NewTrimming")
					}
					if c.skews && h.Skew == nil {
						t.Skip("the harness has no Skew")
					}
					h.Wrap(t, func(t *testing.T) {
						t.Helper()
						c.run(newEnv(t, h))
					})
				})
			}
		})
	}
}

// promise is one promise of the contract, with the cases that test it.
type promise struct {
	name  string
	cases []testCase
}

// promises returns the suite. The names begin with the numbers in package store.
func promises() []promise {
	return []promise{
		{"1-commit", slices.Concat(commitCases(), yieldCases(), attemptCases())},
		{"2-repeat", repeatCases()},
		{"3-breach", append(breachCases(), sameCases()...)},
		{"4-claim", append(claimCases(), undoCases()...)},
		{"5-lease", leaseCases()},
		{"6-tenant", tenantCases()},
		{"7-create", append(createCases(), removeCases()...)},
		{"8-agenda", agendaCases()},
		{"9-events", append(eventCases(), cursorCases()...)},
		{"10-query", append(queryCases(), stateCases()...)},
		{"11-errors", errorCases()},
		{"12-at-once", atOnceCases()},
		{"13-tokens", tokenCases()},
		{"14-wait", waitCases()},
		{"15-waves", waveCases()},
		{"16-add", additionCases()},
		{"17-sweep", sweepCases()},
		{"18-alone", aloneCases()},
		{"19-subscription", subscriptionCases()},
		{"20-registry", registryCases()},
		{"21-place", placeCases()},
	}
}

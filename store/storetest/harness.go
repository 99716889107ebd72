package storetest

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/store"
)

// Harness tells [Run] and [Model] how to make stores.
type Harness struct {
	// New returns an empty store; it is called once or twice per test. What has to
	// be closed goes to t.Cleanup. Required.
	New func(t testing.TB) store.Store
	// NewTrimming returns an empty store that keeps only that many events per plan, but
	// for those of the plan itself.
	// Nil: the store cannot, and the tests about it are skipped.
	NewTrimming func(t testing.TB, keep int) store.Store
	// Skew sets the clock from which a store that New made takes its tokens that far off
	// the true time, as if it was set or another server took over. Nil: it cannot be set,
	// and the test about it is skipped.
	Skew func(t testing.TB, s store.Store, by time.Duration)
	// Wrap runs the body of every test, for instance synctest.Test. Default: it is
	// just called.
	Wrap func(t *testing.T, body func(t *testing.T))
	// TTL is for leases, creations and cursors that are to run out. Default 300 ms:
	// enough for a few round trips.
	TTL time.Duration
}

func (h Harness) withDefaults() Harness {
	if h.Wrap == nil {
		h.Wrap = func(t *testing.T, body func(t *testing.T)) {
			t.Helper()
			body(t)
		}
	}
	if h.TTL <= 0 {
		h.TTL = 300 * time.Millisecond
	}
	return h
}

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

// promise is one of the contract's, with the cases that test it.
type promise struct {
	name  string
	cases []testCase
}

type testCase struct {
	name  string
	run   func(e *env)
	trims bool // needs Harness.NewTrimming
	skews bool // needs Harness.Skew
}

// promises are the suite. The names begin with the numbers in package store.
func promises() []promise {
	return []promise{
		{"1-commit", append(commitCases(), yieldCases()...)},
		{"2-repeat", repeatCases()},
		{"3-breach", breachCases()},
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
	}
}

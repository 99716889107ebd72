package storetest

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/store"
)

// Harness specifies how [Run] and [Model] make stores.
type Harness struct {
	// New returns an empty store. It is called once or twice per test; use t.Cleanup to close what
	// needs closing. Required.
	New func(t testing.TB) store.Store
	// NewTrimming returns an empty store that keeps at most keep events per plan, besides the plan
	// events. If it is nil, the tests of trimming are skipped.
	NewTrimming func(t testing.TB, keep int) store.Store
	// Skew changes the clock from which a store made by New takes its tokens, and by which waits
	// are over, to the true time plus by, as if the clock was set or another server took over. If
	// it is nil, the tests that need it are skipped.
	Skew func(t testing.TB, s store.Store, by time.Duration)
	// Wrap runs the body of every test, for instance synctest.Test. The default calls body
	// directly.
	Wrap func(t *testing.T, body func(t *testing.T))
	// TTL is the duration of the leases, creations, cursors and waits that are to expire during a
	// test.
	// The default is 300 ms, enough for a few round trips.
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

// testCase is one test of a promise.
type testCase struct {
	name  string
	run   func(e *env)
	trims bool // needs Harness.NewTrimming
	skews bool // needs Harness.Skew
}

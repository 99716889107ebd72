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

// testCase is one test of a promise.
type testCase struct {
	name  string
	run   func(e *env)
	trims bool // needs Harness.NewTrimming
	skews bool // needs Harness.Skew
}

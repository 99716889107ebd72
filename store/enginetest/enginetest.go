// Package enginetest runs whole engines over a store that is under test. Package storetest checks
// what a store answers; enginetest checks that engines keep their promises over it while calls are
// lost, late and repeated, processes crash and freeze, and clocks jump.
//
// It is for authors of stores, like package storetest.
package enginetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/simulation"
	"github.com/cutover-go/cutover/store"
)

// Histories plays n random histories from seed on, each over a store of its own, and fails t with
// the seed and everything that happened if one does not end as it must. A seed that failed fails
// again within a few tries.
//
// open returns an empty store whose stored times and tokens are those of clock, while its leases
// and reminders follow time.Now; t ends with the history. A history runs in a testing/synctest
// bubble: the store may read and write files, and wait for the answers of a server, whose clock has
// to be time.Now then. But nothing may wait for what a server sends unasked: time would stand still
// for it.
func Histories(t *testing.T, n int, seed uint64, open func(t testing.TB, clock func() time.Time) store.Store) {
	t.Helper()
	const shards, enough = 16, 3 // enough failures to look at
	var failures atomic.Int32
	for shard := range shards {
		t.Run(fmt.Sprintf("shard=%d", shard), func(t *testing.T) {
			t.Parallel()
			for i := shard; i < n && failures.Load() < enough; i += shards {
				if !simulation.Run(t, open, seed+uint64(i)) {
					failures.Add(1)
				}
			}
		})
	}
}

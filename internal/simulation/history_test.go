package simulation

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

var seed = flag.Uint64("seed", 0, "run only the history of this seed")

var histories = flag.Int("histories", 0, "run that many histories instead of the usual number")

// usual is how many histories a plain test run has, and brief how many with -short.
const (
	usual = 2000
	brief = 200
	// enough failed histories are enough to read.
	enough = 3
)

// TestHistories runs one history for each seed from 1.
func TestHistories(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		run(t, *seed)
		return
	}
	n := usual
	switch {
	case *histories > 0:
		n = *histories
	case testing.Short():
		n = brief
	}
	const shards = 16 // what runs at once is up to -parallel
	var failures atomic.Int32
	for shard := range shards {
		t.Run(fmt.Sprintf("shard=%d", shard), func(t *testing.T) {
			t.Parallel()
			for s := uint64(shard) + 1; s <= uint64(n) && failures.Load() < enough; s += shards {
				if !run(t, s) {
					failures.Add(1)
				}
			}
		})
	}
}

// run plays one history and shows everything that happened if it went wrong.
func run(t *testing.T, seed uint64) (ok bool) {
	t.Helper()
	return t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(seed)
			w.play(t.Context(), draw(w.dice("script")))
			if testing.Verbose() {
				t.Log(w.report())
			}
			if len(w.faults) > 0 {
				t.Errorf("again: go test ./internal/simulation -seed %d -count 20\n%s", seed, w.report())
			}
		})
	})
}

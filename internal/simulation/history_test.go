package simulation

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover/internal/sample"
)

var seed = flag.Uint64("seed", 0, "run only the history of this seed")

var histories = flag.Int("histories", 0, "run that many histories instead of the usual number")

// The numbers of histories of a run that makes the whole test, of a plain one, and with -short.
const (
	whole = 500
	usual = 150
	brief = 25
	// enough is the number of failed histories after which a run stops.
	enough = 3
)

// TestHistories runs one history for each seed from 1. A repeated run, see sample.Run, continues
// with the next seeds, because new seeds find more than seeds that ran before.
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
	case sample.Whole():
		n = whole
	}
	first := sample.Run(t)*uint64(n) + 1
	const shards = 16 // -parallel limits how many run concurrently
	var failures atomic.Int32
	for shard := range shards {
		t.Run(fmt.Sprintf("shard=%d", shard), func(t *testing.T) {
			t.Parallel()
			for s := first + uint64(shard); s < first+uint64(n) && failures.Load() < enough; s += shards {
				if !run(t, s) {
					failures.Add(1)
				}
			}
		})
	}
}

// run plays one history and prints everything that happened in it if it failed.
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

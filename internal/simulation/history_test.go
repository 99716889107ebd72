package simulation

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

var seed = flag.Uint64("seed", 0, "run only the history of this seed")

var histories = flag.Int("histories", 0, "run that many histories instead of the usual number")

// usual is the number of histories of a plain test run, brief their number with -short.
const (
	usual = 2000
	brief = 200
	// enough is the number of failed histories after which a run stops.
	enough = 3
)

// repetitions is the number of runs of TestHistories in this process, with -count.
var repetitions atomic.Int64 //nolint:gochecknoglobals // one per test binary

// runsBefore returns the number of runs of the tests before this one: those in this process plus
// the number in CUTOVER_RUN.
func runsBefore(t *testing.T) uint64 {
	t.Helper()
	before := repetitions.Add(1) - 1
	if text := os.Getenv("CUTOVER_RUN"); text != "" {
		earlier, err := strconv.ParseInt(text, 10, 32)
		if err != nil || earlier < 0 {
			t.Fatalf("CUTOVER_RUN=%s: %v", text, err)
		}
		before += earlier
	}
	return uint64(before)
}

// TestHistories runs one history for each seed from 1. A repeated run, see runsBefore, continues
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
	}
	first := runsBefore(t)*uint64(n) + 1
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

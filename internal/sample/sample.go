// Package sample chooses which part of a large test a run makes: a third, or less with -short. Each
// run makes another part, so many runs together make the whole test. With CUTOVER_FULL=1, every run
// makes all of it; continuous integration does so on Valkey.
package sample

import (
	"hash/fnv"
	"os"
	"strconv"
	"sync"
	"testing"
)

const (
	// runEnv names the variable that holds the number of earlier runs in other processes.
	runEnv = "CUTOVER_RUN"
	// fullEnv names the variable that asks for all of each test.
	fullEnv = "CUTOVER_FULL"
)

// repetitions counts the runs of each test in this process, by the test's name. With -count, a
// process runs a test several times.
var repetitions = struct { //nolint:gochecknoglobals // one per test binary
	sync.Mutex
	of map[string]uint64
}{of: make(map[string]uint64)}

// Run returns how many times the test ran before: in this process, plus the number in CUTOVER_RUN.
// A test calls Run, Of, Full or Share once, because each call counts as a run.
func Run(tb testing.TB) uint64 {
	tb.Helper()
	var earlier uint64
	if text := os.Getenv(runEnv); text != "" {
		var err error
		if earlier, err = strconv.ParseUint(text, 10, 32); err != nil {
			tb.Fatalf("%s=%s: %v", runEnv, text, err)
		}
	}
	repetitions.Lock()
	defer repetitions.Unlock()
	before := repetitions.of[tb.Name()]
	repetitions.of[tb.Name()]++
	return earlier + before
}

// Whole reports whether runs make all of each test.
func Whole() bool { return !testing.Short() && os.Getenv(fullEnv) == "1" }

// Of returns the indexes of the cases that this run makes, of all cases 0 to all-1: with -short the
// next n, otherwise the next third, but at least n. After the last case it continues with the
// first.
func Of(tb testing.TB, n, all uint64) []uint64 {
	tb.Helper()
	switch {
	case Whole():
		n = all
	case !testing.Short():
		n = max(n, (all+2)/3)
	}
	n = min(n, all)
	first := uint64(0)
	if n < all {
		first = Run(tb) * n
	}
	cases := make([]uint64, n)
	for i := range cases {
		cases[i] = (first + uint64(i)) % all
	}
	return cases
}

// Full reports whether this run makes the test in full size: every run without -short, and one of
// n runs with -short. Tests of different names are in full size in different runs.
func Full(tb testing.TB, n int) bool {
	tb.Helper()
	return !testing.Short() || Share(tb, n)
}

// Share reports whether this run is the one of n runs, with -short or without, that makes the test.
// Tests of different names are made in different runs.
func Share(tb testing.TB, n int) bool {
	tb.Helper()
	h := fnv.New64a()
	_, _ = h.Write([]byte(tb.Name()))
	return (Run(tb)+h.Sum64()%uint64(n))%uint64(n) == 0
}

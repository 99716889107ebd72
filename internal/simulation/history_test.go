package simulation_test

import (
	"flag"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/enginetest"
	"github.com/cutover-go/cutover/store/memstore"
)

var seed = flag.Uint64("seed", 0, "run only the history of this seed")

var histories = flag.Int("histories", 0, "run that many histories instead of the usual number")

// The numbers of histories of a run that makes the whole test, of a plain one, and with -short.
const (
	whole = 500
	usual = 150
	brief = 25
)

// TestHistories runs one history for each seed from 1. A repeated run, see sample.Run, continues
// with the next seeds, because new seeds find more than seeds that ran before.
func TestHistories(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		enginetest.Histories(t, 1, *seed, inMemory)
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
	enginetest.Histories(t, n, sample.Run(t)*uint64(n)+1, inMemory)
}

func inMemory(_ testing.TB, clock func() time.Time) store.Store {
	return memstore.NewWith(memstore.Config{Clock: clock})
}

package sqlitestore

import (
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/enginetest"
)

var (
	seed      = flag.Uint64("seed", 0, "run only the history of this seed")
	histories = flag.Int("histories", 0, "run that many histories instead of the usual number")
)

// TestHistories runs engines over the store with lost calls, crashes, freezes and a clock that
// jumps. A repeated run, see sample.Run, continues with the next seeds.
func TestHistories(t *testing.T) {
	t.Parallel()
	n := 60
	switch {
	case *histories > 0:
		n = *histories
	case testing.Short():
		n = 10
	}
	first := sample.Run(t)*uint64(n) + 1
	if *seed > 0 {
		n, first = 1, *seed
	}
	enginetest.Histories(t, n, first, func(t testing.TB, clock func() time.Time) store.Store {
		t.Helper()
		return open(t, filepath.Join(t.TempDir(), "plans.db"), Config{clock: clock})
	})
}

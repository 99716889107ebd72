package sqlitestore

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/enginetest"
)

// TestHistories runs engines over the store with lost calls, crashes, freezes and a clock that
// jumps.
func TestHistories(t *testing.T) {
	t.Parallel()
	n := 60
	if testing.Short() {
		n = 10
	}
	enginetest.Histories(t, n, 1, func(t testing.TB, clock func() time.Time) store.Store {
		t.Helper()
		return open(t, filepath.Join(t.TempDir(), "plans.db"), Config{clock: clock})
	})
}

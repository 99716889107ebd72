package simulation

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/store"
)

// Open returns an empty store whose stored times and tokens are those of a clock, which jumps now
// and then. It is called in the bubble of a history; t ends with it.
type Open func(t testing.TB, clock func() time.Time) store.Store

// Run plays the history of a seed over a store. If it failed, Run reports everything that happened
// in it, and returns false.
func Run(t *testing.T, open Open, seed uint64) (ok bool) {
	t.Helper()
	return t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(seed)
			w.store = newAudit(w, open(t, w.clock))
			w.play(t.Context(), draw(w.dice("script")))
			if testing.Verbose() {
				t.Log(w.report())
			}
			if len(w.faults) > 0 {
				t.Errorf("again: run the test with the seed %d alone, a few times\n%s", seed, w.report())
			}
		})
	})
}

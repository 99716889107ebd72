package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// A plan is kept as long as a request for it may still arrive, however short the retention is.
// After the removal no process would release a lock that the request acquires.
func TestRetentionOutlastsRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{Retention: time.Millisecond})
		runEngine(t, e)
		id := create(t, e, spec("a"))
		mustPlan(t)(e.Cancel(t.Context(), id))
		time.Sleep(lateness - time.Second)
		rests(t, e, id, plan.Canceled)
		time.Sleep(restInFlight + 10*time.Second)
		checkRemoved(t, e, plan.Canceled, id, true)
	})
}

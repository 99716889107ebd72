package cutover_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// As long as a request may be on its way a plan is kept, however short its retention: the
// lock that it takes would be freed by nobody.
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

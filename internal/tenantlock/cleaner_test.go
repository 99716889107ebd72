package tenantlock

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// However many plans come to rest at the same time, the queue of walks and the number of known
// walks are bounded, and all walks end.
func TestCleanerWithManyPlans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := storeclient.New(memstore.New(), storeclient.Options{})
		c, left := NewCleaner(client, NewManager(client, time.Minute), nil), make(map[plan.ID]struct{})
		for id := range plan.ID(3 * maxCleaned) {
			left[id+1] = struct{}{}
		}
		for round := 0; len(left) > 0; round++ {
			if round == 20 {
				t.Fatalf("%d plans are not through after %d rounds", len(left), round)
			}
			for id := range left {
				p := plan.Plan{ID: id, Control: plan.Control{State: plan.Canceled}}
				p.Version = 2
				p.Idle = time.Hour
				if c.Clean(p, 1) {
					delete(left, id)
				}
				if len(c.queue) > maxCleaned || len(c.known) > maxCleaned {
					t.Fatalf("%d walks wait, %d are known", len(c.queue), len(c.known))
				}
				time.Sleep(10 * time.Millisecond)
				if w, waiting := c.next(); waiting && id%3 > 0 {
					c.stepped(w, 0)
				} else if waiting {
					c.stepped(w, 1)
				}
			}
		}
	})
}

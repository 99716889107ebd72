package redisack

import (
	"testing"
	"testing/synctest"
	"time"
)

// The hooks of a run and of its rollback are called one at a time as well, in the order in which things happened.
func TestHooksOfARollback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		busy := false
		slow := func(what string) {
			if busy {
				t.Errorf("%s while another hook is called", what)
			}
			busy = true
			time.Sleep(20 * time.Millisecond)
			busy = false
			order = append(order, what)
		}
		c, mem := testClient(t, Config{})
		c.cfg.Hooks = Hooks{
			OnWrite:    func(t Target, _ error) { slow("write " + t.Version) },
			OnAttempt:  func(a Attempted) { slow("attempt " + a.Target.Version) },
			OnEndpoint: func(t Target, r EndpointReport) { slow("endpoint " + t.Version + " " + r.Reason.String()) },
			OnDone:     func(r *AckResult) { slow("done " + r.Reason.String()) },
		}
		res, _ := c.Apply(t.Context(), change(), Check{
			Fleet: fleetOf("a"), Prober: follower(mem, true), Policy: Policy{Rollback: RollbackOnReject, StartDelay: 1},
		})
		want := []string{
			"write v2", "attempt v2", "endpoint v2 Rejected", "write v1", "attempt v1", "endpoint v1 Confirmed", "done Rejected",
		}
		if !res.Rollback.OK || len(order) != len(want) {
			t.Fatalf("%+v, %q", res.Rollback, order)
		}
		for i, what := range want {
			if order[i] != what {
				t.Errorf("%q, want %q", order, want)
				break
			}
		}
	})
}

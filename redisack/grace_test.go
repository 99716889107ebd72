package redisack

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestQuorumLostInTheGrace changes the members during the grace period, after the quorum was met.
// The run succeeds only if the quorum is met at the end of that period.
func TestQuorumLostInTheGrace(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fleet  Fleet
		quorum Quorum
		reason Reason
	}{
		"a confirmed member leaves": {changing(list("a", "b", "c"), list("b", "c")), AtLeast(2), ReasonTimeout},
		"others join":               {changing(list("a", "b", "c"), list("a", "b", "c", "d", "e")), Percent(60), ReasonTimeout},
		"nothing happens":           {changing(list("a", "b", "c")), AtLeast(2), ReasonConfirmed},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := testClient(t, Config{})
				ok, stale := []answer{current}, []answer{runs("v1")}
				s := newSim(map[string][]answer{"a": ok, "b": ok, "c": stale, "d": stale, "e": stale})
				res, _ := c.Apply(t.Context(), change(), Check{Fleet: tc.fleet, Prober: s, Policy: Policy{
					Quorum: tc.quorum, Grace: 5 * time.Second, RefreshEvery: time.Second, Timeout: 10 * time.Second,
				}})
				if res.Reason != tc.reason {
					t.Errorf("%s", res.Summary())
				}
			})
		})
	}
}

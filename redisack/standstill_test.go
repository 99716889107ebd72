package redisack

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestStandstillIsNoHang checks that an attempt that ends a little later than hangGrace, as all do
// after the process stood still, leaves no warning, and that an attempt that does not end leaves
// one.
func TestStandstillIsNoHang(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		late     time.Duration // after the end of the attempt's context
		warnings []string
	}{
		"at once":         {0, nil},
		"with the grace":  {hangGrace, nil},
		"just after it":   {hangGrace + leaveGrace/2, nil},
		"after all waits": {hangGrace + 2*leaveGrace, []string{"1 calls have not returned"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := testClient(t, Config{})
				slow := func(ctx context.Context, _ Target) (Observation, error) {
					<-ctx.Done()
					time.Sleep(tc.late)
					return Observation{}, ctx.Err()
				}
				second := func(ctx context.Context, t Target) (Observation, error) {
					time.Sleep(10 * time.Millisecond) // the other attempt has begun by then
					return current(ctx, t)
				}
				s := newSim(map[string][]answer{"a": {second}, "b": {slow}})
				res, err := c.Apply(t.Context(), change(), Check{
					Fleet: fleetOf("a", "b"), Prober: s, Policy: Policy{Quorum: AtLeast(1), StartDelay: 1},
				})
				if err != nil || !slices.Equal(res.Warnings, tc.warnings) {
					t.Errorf("%v, warnings %q, want %q", err, res.Warnings, tc.warnings)
				}
				time.Sleep(time.Minute) // until the attempt has ended
			})
		})
	}
}

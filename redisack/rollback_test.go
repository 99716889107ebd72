package redisack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// follower returns a prober of clients that run the current write, but reject v2 or never apply it.
func follower(mem *memory, refuse bool) Prober {
	return ProberFunc(func(context.Context, Endpoint, Target) (Observation, error) {
		head, _ := mem.snapshot()
		if head.Version != "v2" {
			return Observation{Rev: head.Rev, WriteID: head.WriteID, Version: head.Version}, nil
		}
		obs := Observation{Rev: head.Rev - 1, Version: "v1"}
		if refuse {
			obs.Attempt = &Attempt{Rev: head.Rev, WriteID: head.WriteID, Rejected: true, Error: "no"}
		}
		return obs, nil
	})
}

func TestRollback(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		mode    RollbackMode
		refuse  bool
		meddle  func(*memory) // called half a second after the write
		reason  Reason
		written bool
		why     string
		version string // the current version at the end
	}{
		"never":                {mode: RollbackNever, refuse: true, reason: ReasonRejected, version: "v2"},
		"on reject":            {mode: RollbackOnReject, refuse: true, reason: ReasonRejected, written: true, version: "v1"},
		"on reject, but slow":  {mode: RollbackOnReject, reason: ReasonTimeout, version: "v2"},
		"on failure, slow":     {mode: RollbackOnFailure, reason: ReasonTimeout, written: true, version: "v1"},
		"on failure, rejected": {mode: RollbackOnFailure, refuse: true, reason: ReasonRejected, written: true, version: "v1"},
		"not over a newer write": {
			mode: RollbackOnFailure, reason: ReasonSuperseded, version: "v3",
			meddle: func(b *memory) {
				ch := Change{Key: "app:config", Version: "v3"}.complete()
				b.apply(writeRequest{Change: ch, sum: ch.sum()})
			},
		},
		"not when the write was lost": {
			mode: RollbackOnFailure, reason: ReasonWriteLost, version: "v1",
			meddle: func(b *memory) { b.head.Rev, b.head.Version, b.head.Recent = 1, "v1", nil },
		},
		"previous payload gone": {
			mode: RollbackOnFailure, reason: ReasonTimeout, version: "v2", why: "no previous payload",
			meddle: func(b *memory) { b.prev = nil },
		},
		"previous payload changed": {
			mode: RollbackOnFailure, reason: ReasonTimeout, version: "v2", why: "not what was recorded",
			meddle: func(b *memory) { other := "x"; b.prev = &other },
		},
		"previous version unknown": {
			mode: RollbackOnFailure, reason: ReasonTimeout, version: "v2", why: "no recorded version",
			meddle: func(b *memory) { b.head.Prev.Version = "" },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, mem := testClient(t, Config{})
				if tc.meddle != nil {
					time.AfterFunc(500*time.Millisecond, func() { mem.change(tc.meddle) })
				}
				res, err := c.Apply(t.Context(), change(), Check{
					Fleet: fleetOf("a", "b"), Prober: follower(mem, tc.refuse),
					Policy: Policy{Rollback: tc.mode, Timeout: 5 * time.Second},
				})
				if err == nil || res.Reason != tc.reason {
					t.Fatalf("%v\n%s", err, res.Summary())
				}
				head, data := mem.snapshot()
				if head.Version != tc.version {
					t.Errorf("%s is current, want %s", head.Version, tc.version)
				}
				rb := res.Rollback
				if (rb != nil) != (tc.written || tc.why != "") {
					t.Fatalf("rollback %+v", rb)
				}
				if rb != nil && (rb.Written != tc.written || rb.OK != tc.written || !strings.Contains(rb.Why, tc.why)) {
					t.Errorf("rollback %+v", rb)
				}
				if tc.written && (head.Rev != 3 || data != "one" || rb.Result.Tally.Confirmed != 2) {
					t.Errorf("revision %d, payload %q, %+v", head.Rev, data, rb.Result)
				}
			})
		})
	}
}

// TestRollbackLosesTheRace checks that a write between the failure and the rollback remains
// current.
func TestRollbackLosesTheRace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, mem := testClient(t, Config{})
		mem.refuse = func(op string) error {
			if op == "previous" { // another process writes after the rollback has read the head
				mem.change(func(b *memory) {
					ch := Change{Key: "app:config", Version: "v3"}.complete()
					prev := b.prev
					b.apply(writeRequest{Change: ch, sum: ch.sum()})
					b.prev = prev
				})
			}
			return nil
		}
		res, err := c.Apply(t.Context(), change(), Check{
			Fleet: fleetOf("a"), Prober: follower(mem, true), Policy: Policy{Rollback: RollbackOnReject},
		})
		head, _ := mem.snapshot()
		if !errors.Is(err, ErrRejected) || head.Version != "v3" || res.Rollback.Written ||
			!strings.Contains(res.Rollback.Why, "another revision") {
			t.Errorf("%v, %s is current, %+v", err, head.Version, res.Rollback)
		}
	})
}

// TestRollbackOfNothing checks that a run that has written nothing rolls back nothing.
func TestRollbackOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, mem := testClient(t, Config{})
		if _, err := c.Write(t.Context(), change()); err != nil {
			t.Fatal(err)
		}
		res, err := c.Apply(t.Context(), change(), Check{
			Fleet: fleetOf("a"), Prober: follower(mem, true), Policy: Policy{Rollback: RollbackOnReject},
		})
		head, _ := mem.snapshot()
		if !errors.Is(err, ErrRejected) || head.Version != "v2" || res.Rollback.Written {
			t.Errorf("%v, %s is current, %+v", err, head.Version, res.Rollback)
		}
	})
}

// TestRollbackTime checks that the deadline that ended the run does not end the rollback, and that
// no rollback follows a cancellation by the caller.
func TestRollbackTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, mem := testClient(t, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		check := Check{Fleet: fleetOf("a"), Prober: follower(mem, false), Policy: Policy{Rollback: RollbackOnFailure}}
		res, err := c.Apply(ctx, change(), check)
		if !errors.Is(err, ErrTimeout) || res.Rollback == nil || !res.Rollback.OK {
			t.Errorf("%v, %+v", err, res.Rollback)
		}
		stopped, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		res, err = c.Apply(stopped, change(), check)
		if !errors.Is(err, ErrCanceled) || res.Rollback != nil {
			t.Errorf("%v, %+v", err, res.Rollback)
		}
	})
}

// TestRollbackOnRedis rolls back on Redis, with a string and with a field. The previous payload
// must keep its remaining TTL.
func TestRollbackOnRedis(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb *redis.Client) {
		t.Helper()
		ctx := t.Context()
		for _, field := range []string{"", "f"} {
			if err := rdb.FlushAll(ctx).Err(); err != nil {
				t.Fatal(err)
			}
			c := connect(t, rdb, Config{})
			first := Change{Key: "k", Field: field, Version: "v1", Payload: []byte("one")}
			if field == "" {
				first.TTL = time.Hour
			}
			if _, err := c.Write(ctx, first); err != nil {
				t.Fatal(err)
			}
			prober := ProberFunc(func(_ context.Context, _ Endpoint, target Target) (Observation, error) {
				if target.Version == "v2" {
					return refuses("b")(ctx, target)
				}
				return current(ctx, target)
			})
			res, err := c.Apply(ctx, Change{Key: "k", Field: field, Version: "v2", Payload: []byte("two")}, Check{
				Fleet: fleetOf("a"), Prober: prober, Policy: Policy{Rollback: RollbackOnReject, StartDelay: 1},
			})
			if !errors.Is(err, ErrRejected) || res.Rollback == nil || !res.Rollback.OK {
				t.Fatalf("%v, %+v", err, res.Rollback)
			}
			head, _, err := c.backend.head(ctx, wire.NamesOf("k", field))
			if err != nil || head.Rev != 3 || head.Version != "v1" || payloadAt(ctx, rdb, field) != "one" {
				t.Errorf("%+v, %v, payload %q", head, err, payloadAt(ctx, rdb, field))
			}
			if life := rdb.PTTL(ctx, "k").Val(); field == "" && life < 59*time.Minute {
				t.Errorf("life %v", life)
			}
		}
	})
}

package redisack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

// TestRollbackOnFullRedis checks that confirmation and rollback work if Redis becomes full after
// the write, and that only new writes are refused, with the cause.
func TestRollbackOnFullRedis(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, stageAbove + 1} {
		rdb := redistest.Start(t, "--maxmemory-policy", "noeviction").Client()
		fill := Hooks{OnWrite: func(t Target, _ error) {
			if t.Version == "v2" {
				_ = rdb.ConfigSet(context.Background(), "maxmemory", "1").Err()
			}
		}}
		c := connect(t, rdb, Config{Hooks: fill})
		s := newSim(map[string][]answer{"a": {current, after(200*time.Millisecond, refuses("1")), current}})
		check := Check{Fleet: fleetOf("a"), Prober: s, Policy: Policy{Rollback: RollbackOnReject, FirstAttemptTimeout: time.Second}}
		old := strings.Repeat("1", size)
		if _, err := c.Apply(t.Context(), Change{Key: "k", Version: "v1", Payload: []byte(old)}, check); err != nil {
			t.Fatal(err)
		}
		res, err := c.Apply(t.Context(), Change{Key: "k", Version: "v2", Payload: []byte("two")}, check)
		if !errors.Is(err, ErrRejected) || res.Rollback == nil || !res.Rollback.OK {
			t.Fatalf("%d bytes: %v, rollback %+v", size, err, res.Rollback)
		}
		if rdb.Get(t.Context(), "k").Val() != old {
			t.Errorf("%d bytes: the payload is not back", size)
		}
		target := res.Rollback.Result.Target
		if _, err := c.Confirm(t.Context(), target, check); err != nil {
			t.Errorf("confirming on a full server: %v", err)
		}
		if _, err := c.Write(t.Context(), Change{Key: "k", Version: "v3"}); !errors.Is(err, ErrWriteFailed) || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("a new write: %v", err)
		}
	}
}

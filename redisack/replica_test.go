package redisack

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
)

// TestReadsFromReplicas checks that a write does not count as lost if the Redis client reads from
// replicas that lag behind.
func TestReadsFromReplicas(t *testing.T) {
	t.Parallel()
	master, replica := redistest.Mini(t), redistest.Mini(t)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{
		ReadOnly: true,
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) { // the replica has no data yet
			return []redis.ClusterSlot{{Start: 0, End: 16383, Nodes: []redis.ClusterNode{
				{Addr: master.Options().Addr}, {Addr: replica.Options().Addr},
			}}}, nil
		},
	})
	defer func() { _ = rdb.Close() }()
	c := connect(t, rdb, Config{})
	if _, err := c.Write(t.Context(), Change{Key: "k", Version: "v1"}); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"v2", "v3", "v4"} {
		s := newSim(map[string][]answer{"a": {atRev(1), current}})
		res, err := c.Apply(t.Context(), Change{Key: "k", Version: version}, Check{
			Fleet: fleetOf("a"), Prober: s, Push: true, Policy: Policy{StartDelay: 1, Interval: Interval{Base: time.Millisecond}},
		})
		// On a busy machine the last read may not be answered in time.
		warnings := slices.DeleteFunc(res.Warnings, func(w string) bool { return strings.Contains(w, context.DeadlineExceeded.Error()) })
		if err != nil || len(warnings) > 0 {
			t.Errorf("%v, warnings %q", err, warnings)
		}
	}
	if err := rdb.Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("the client does not read from the replica: %v", err)
	}
}

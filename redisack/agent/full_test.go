package agent_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
)

// TestFullServer checks that a client that starts when Redis is full reads and applies the current
// write, that it never sends the command that reads the other kind of payload, and that it
// acknowledges the write when Redis has memory again.
func TestFullServer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ field, acks, never string }{
		"string": {"", "{k}:acks", "hget"},
		"field":  {"f", "{k}:acks:f", "get"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb := redistest.Start(t, "--maxmemory-policy", "noeviction").Client()
			c := connect(t, rdb, redisack.Config{})
			target := write(t, c, redisack.Change{Version: "v1", Field: tc.field, Payload: []byte("one")})
			limitMemory(t, rdb, "1")
			if err := rdb.ConfigResetStat(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			a := started(t, rdb, func(_ context.Context, u agent.Update) error {
				if string(u.Payload) != "one" {
					t.Errorf("payload %q", u.Payload)
				}
				return nil
			}, agent.Config{Field: tc.field, Push: true, Resync: 20 * time.Millisecond})
			if res, err := confirmed(t, c, target, a); err != nil || len(res.Warnings) > 0 {
				t.Fatalf("%v\n%s%q", err, res.Summary(), res.Warnings)
			}
			if used := rdb.Info(t.Context(), "commandstats").Val(); strings.Contains(used, "cmdstat_"+tc.never+":") {
				t.Errorf("the agent has sent %s", tc.never)
			}
			limitMemory(t, rdb, "0")
			eventually(t, "the acknowledgement", func() bool { return rdb.XLen(t.Context(), tc.acks).Val() > 0 })
		})
	}
}

// limitMemory sets the number of bytes above which the server is full; "0" means no limit.
func limitMemory(t *testing.T, rdb redis.UniversalClient, bytes string) {
	t.Helper()
	if err := rdb.ConfigSet(t.Context(), "maxmemory", bytes).Err(); err != nil {
		t.Fatal(err)
	}
}

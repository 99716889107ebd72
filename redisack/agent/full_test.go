package agent_test

import (
	"context"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
)

// TestFullServer checks that a client that starts when Redis is full reads and applies the current
// write, and that it acknowledges the write when Redis has memory again.
func TestFullServer(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t, "--maxmemory-policy", "noeviction").Client()
	c := connect(t, rdb, redisack.Config{})
	target := write(t, c, redisack.Change{Version: "v1", Payload: []byte("one")})
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	a := started(t, rdb, func(_ context.Context, u agent.Update) error {
		if string(u.Payload) != "one" {
			t.Errorf("payload %q", u.Payload)
		}
		return nil
	}, agent.Config{Push: true, Resync: 20 * time.Millisecond})
	if res, err := confirmed(t, c, target, a); err != nil || len(res.Warnings) > 0 {
		t.Fatalf("%v\n%s%q", err, res.Summary(), res.Warnings)
	}
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the acknowledgement", func() bool { return rdb.XLen(t.Context(), "{k}:acks").Val() > 0 })
}

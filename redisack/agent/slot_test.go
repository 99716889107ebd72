package agent_test

import (
	"context"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
)

// reshard moves the slot of the key k to another node, step by step.
type reshard struct {
	t        *testing.T
	cluster  *redistest.Cluster
	from, to *redistest.Server
	slot     int64
}

func newReshard(t *testing.T, cluster *redistest.Cluster) reshard {
	t.Helper()
	r := reshard{t: t, cluster: cluster, from: cluster.MasterFor("k")}
	for _, node := range cluster.Nodes() {
		if node != r.from {
			r.to = node
		}
	}
	slot, err := r.from.Client().ClusterKeySlot(t.Context(), "k").Result()
	if err != nil {
		t.Fatal(err)
	}
	r.slot = slot
	r.do(r.to, "CLUSTER", "SETSLOT", slot, "IMPORTING", r.id(r.from))
	r.do(r.from, "CLUSTER", "SETSLOT", slot, "MIGRATING", r.id(r.to))
	return r
}

func (r reshard) do(node *redistest.Server, args ...any) {
	r.t.Helper()
	if err := node.Client().Do(r.t.Context(), args...).Err(); err != nil {
		r.t.Fatalf("%v: %v", args, err)
	}
}

func (r reshard) id(node *redistest.Server) string {
	r.t.Helper()
	id, err := node.Client().Do(r.t.Context(), "CLUSTER", "MYID").Text()
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// move moves keys to the new node.
func (r reshard) move(keys ...any) {
	r.t.Helper()
	r.do(r.from, append([]any{"MIGRATE", "127.0.0.1", r.to.Port(), "", 0, 5000, "KEYS"}, keys...)...)
}

// finish assigns the slot to the new node.
func (r reshard) finish() {
	r.t.Helper()
	for _, node := range append([]*redistest.Server{r.to, r.from}, r.cluster.Nodes()...) {
		r.do(node, "CLUSTER", "SETSLOT", r.slot, "NODE", r.id(r.to))
	}
}

// TestSlotMoved checks that announcements still arrive after the slot has moved, and that the agent
// has then subscribed to a sharded channel at the new node.
func TestSlotMoved(t *testing.T) {
	t.Parallel()
	for _, sharded := range []bool{true, false} {
		cluster := redistest.StartCluster(t, 3, 0)
		rdb := cluster.Client()
		c := connect(t, rdb, redisack.Config{Sharded: sharded})
		a := started(t, rdb, accept, agent.Config{Sharded: sharded, Resync: time.Hour})
		if _, err := confirmed(t, c, write(t, c, redisack.Change{Version: "v1"}), a); err != nil {
			t.Fatal(err)
		}
		r := newReshard(t, cluster)
		r.move("k", "{k}:head")
		r.finish()
		eventually(t, "a subscription at the new node", func() bool {
			if !sharded {
				return true
			}
			n, err := r.to.Client().Do(t.Context(), "PUBSUB", "SHARDNUMSUB", "{k}:changed").Slice()
			return err == nil && len(n) == 2 && n[1] == int64(1)
		})
		if res, err := confirmed(t, c, write(t, c, redisack.Change{Version: "v2"}), a); err != nil {
			t.Errorf("sharded %v: %v\n%s", sharded, err, res.Summary())
		}
	}
}

// TestSlotHalfMoved checks that the agent reads head and payload while their slot is partly moved,
// even if they are on different nodes.
func TestSlotHalfMoved(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]any{"head": {"{k}:head"}, "payload": {"k"}, "both": {"k", "{k}:head"}} {
		cluster := redistest.StartCluster(t, 3, 0)
		rdb := cluster.Client()
		c := connect(t, rdb, redisack.Config{})
		target := write(t, c, redisack.Change{Version: "v1", Payload: []byte("one")})
		newReshard(t, cluster).move(keys...)
		a := started(t, rdb, func(_ context.Context, u agent.Update) error {
			if string(u.Payload) != "one" {
				t.Errorf("payload %q", u.Payload)
			}
			return nil
		}, agent.Config{Push: true})
		if res, err := confirmed(t, c, target, a); err != nil {
			t.Errorf("%s moved: %v\n%s%v", name, err, res.Summary(), res.Warnings)
		}
		res, err := c.Confirm(t.Context(), target, redisack.Check{
			Fleet: redisack.Static(redisack.Endpoint{ID: "a"}), Push: true, Policy: redisack.Policy{Timeout: 10 * time.Second},
		})
		if err != nil || len(res.Warnings) > 0 {
			t.Errorf("%s moved, pushed: %v\n%s%v", name, err, res.Summary(), res.Warnings)
		}
	}
}

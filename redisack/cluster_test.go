package redisack

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/wait"
)

// TestCluster writes to a cluster: keys with and without tags, in several slots, with plain and
// sharded channels, with inline and staged payloads.
func TestCluster(t *testing.T) {
	t.Parallel()
	rdb := redistest.StartCluster(t, 3, 0).Client()
	for _, sharded := range []bool{false, true} {
		c := connect(t, rdb, Config{Sharded: sharded})
		for _, key := range []string{"a", "b", "c", "app:{tenant-7}:routes", "{x}:y", "odd{}key", "open{key"} {
			for i, size := range []int{10, stageAbove + 1} {
				version := []string{"small", "large"}[i]
				if sharded {
					version += " sharded"
				}
				ch := Change{Key: key, Version: version, Payload: make([]byte, size)}
				if key == "odd{}key" {
					if _, err := c.Write(t.Context(), ch); !errors.Is(err, ErrInvalid) {
						t.Errorf("%s: %v", key, err)
					}
					continue
				}
				s := newSim(map[string][]answer{"a": {current}})
				res, err := c.Apply(t.Context(), ch, Check{Fleet: fleetOf("a"), Prober: s, Policy: Policy{StartDelay: 1}, Push: true})
				if err != nil || len(res.Warnings) > 0 {
					t.Errorf("%s %s: %v, %+v", key, version, err, res)
				}
				if n, err := rdb.StrLen(t.Context(), key).Result(); err != nil || int(n) != size {
					t.Errorf("%s: %d bytes, %v", key, n, err)
				}
			}
		}
	}
}

// TestFailoverUndoesTheWrite checks that a run is not OK if the master dies before it has
// replicated the write, whatever the clients reported.
func TestFailoverUndoesTheWrite(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 1)
	rdb := cluster.Client()
	ctx := t.Context()
	c := connect(t, rdb, Config{WriteTimeout: 30 * time.Second})
	if _, err := c.Write(ctx, Change{Key: "k", Version: "v1"}); err != nil {
		t.Fatal(err)
	}
	master, replica := servers(t, cluster, "k")
	awaitRev(t, replica, "1")
	replica.Freeze()
	// Cut the replica's connection: otherwise the next write would wait in the replica's socket
	// until the replica is thawed.
	if err := master.Client().Do(ctx, "CLIENT", "KILL", "TYPE", "replica").Err(); err != nil {
		t.Fatal(err)
	}
	target, err := c.Write(ctx, Change{Key: "k", Version: "v2"})
	if err != nil || target.Rev != 2 {
		t.Fatalf("%+v, %v", target, err)
	}
	master.Kill()
	replica.Thaw()
	if err := replica.Client().Do(ctx, "CLUSTER", "FAILOVER", "TAKEOVER").Err(); err != nil {
		t.Fatal(err) // a failover by vote takes a few seconds more
	}

	other, err := c.Write(ctx, Change{Key: "k", Version: "v3"}) // succeeds when the client knows that the replica is the master now
	if err != nil || other.Rev != 2 {
		t.Fatalf("%+v, %v", other, err)
	}
	s := newSim(map[string][]answer{"a": {current}})
	res, err := c.Confirm(ctx, target, Check{Fleet: fleetOf("a"), Prober: s})
	if !errors.Is(err, ErrWriteLost) || res.OK || res.Tally.Confirmed != 1 {
		t.Errorf("%v\n%s", err, res.Summary())
	}
}

// servers returns the master of a key and its replica.
func servers(t *testing.T, cluster *redistest.Cluster, key string) (master, replica *redistest.Server) {
	t.Helper()
	const masters = 3
	client, err := cluster.Client().MasterForKey(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	nodes := cluster.Nodes()
	for i, node := range nodes[:masters] {
		if node.Addr() == client.Options().Addr {
			return node, nodes[masters+i]
		}
	}
	t.Fatalf("no master at %s", client.Options().Addr)
	return nil, nil
}

func awaitRev(t *testing.T, replica *redistest.Server, rev string) {
	t.Helper()
	client := replica.Client()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn := client.Conn()
	defer func() { _ = conn.Close() }()
	for {
		err := conn.Do(ctx, "READONLY").Err()
		got := conn.HGet(ctx, "{k}:head", "rev").Val()
		if got == rev {
			return
		}
		if wait.For(ctx, 10*time.Millisecond); ctx.Err() != nil {
			t.Fatalf("the replica has revision %q: %v", got, err)
		}
	}
}

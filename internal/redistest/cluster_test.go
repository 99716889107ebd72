package redistest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

func TestClusterServesAllSlots(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0)
	if got := len(cluster.Nodes()); got != 3 {
		t.Fatalf("%d nodes, want 3", got)
	}
	serving := make(map[*redistest.Server]bool)
	for i := range 50 {
		key := fmt.Sprintf("key:%d", i)
		set(t, cluster.Client(), key, "value")
		serving[cluster.MasterFor(key)] = true
	}
	if got := len(serving); got != 3 {
		t.Errorf("50 keys are served by %d nodes, want 3", got)
	}
}

func TestClusterOutlivesAMaster(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		replicas   int
		wantServed bool
	}{
		"replaced by its replica":               {replicas: 1, wantServed: true},
		"without a replica only its slots fail": {replicas: 0, wantServed: false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := redistest.StartCluster(t, 3, test.replicas)
			dead := cluster.MasterFor("key")
			other := keyElsewhere(t, cluster, dead)
			dead.Kill()
			if test.wantServed {
				eventually(t, "the slot of the dead master is served", func() bool {
					return cluster.Client().Set(t.Context(), "key", "value", 0).Err() == nil
				})
			}
			eventually(t, "the other slots are served", func() bool {
				return cluster.Client().Set(t.Context(), other, "value", 0).Err() == nil
			})
		})
	}
}

// keyElsewhere returns a key that server does not serve.
func keyElsewhere(t *testing.T, cluster *redistest.Cluster, server *redistest.Server) string {
	t.Helper()
	for i := range 1000 {
		if key := fmt.Sprintf("other:%d", i); cluster.MasterFor(key) != server {
			return key
		}
	}
	t.Fatal("one node serves a thousand keys")
	return ""
}

// eventually polls condition and fails the test if it does not hold within 30 seconds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("never so: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

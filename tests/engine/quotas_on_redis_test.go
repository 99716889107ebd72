package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/redisstore"
)

// Three processes work on plans that share quotas, on a real Redis and on a cluster, where the
// places are on other nodes than the plans; all are undone, and no place is left.
func TestQuotasOnRedis(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real server")
	}
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) func() redis.UniversalClient{
		"server": func(t *testing.T) func() redis.UniversalClient {
			t.Helper()
			server := redistest.Start(t)
			return func() redis.UniversalClient { return redis.NewClient(&redis.Options{Addr: server.Addr()}) }
		},
		"cluster": func(t *testing.T) func() redis.UniversalClient {
			t.Helper()
			cluster := redistest.StartCluster(t, 3, 0)
			return func() redis.UniversalClient { return redis.NewClusterClient(cluster.Options()) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, x := open(t), newShards(3, 5*time.Millisecond)
			var engines []*cutover.Engine
			var s *redisstore.Store
			for range 3 {
				rdb := client()
				t.Cleanup(func() { _ = rdb.Close() })
				var err error
				if s, err = redisstore.Open(t.Context(), rdb, redisstore.Config{}); err != nil {
					t.Fatal(err)
				}
				engines = append(engines, startProcess(t, s, cutover.Config{Executors: executor.Registry{"X": x}}).Engine)
			}
			var ids []plan.ID
			for i := range 3 {
				sp := quotaSpec(3, sharded(fmt.Sprint("p", i, "-"), 60, 5))
				if i == 0 {
					sp.Strategy.Conflict = strategy.Wait
				}
				ids = append(ids, launch(t, engines[i], sp))
			}
			for _, id := range ids {
				rests(t, engines[0], id, plan.Completed)
			}
			for i, id := range ids {
				mustPlan(t)(engines[i].Rollback(t.Context(), id))
			}
			for _, id := range ids {
				rests(t, engines[0], id, plan.RolledBack)
			}
			x.check(t, 360)
			for shard := range 5 {
				key := store.QuotaKey{Label: "shard", Value: fmt.Sprint("s", shard)}
				for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
					left, err := s.Places(t.Context(), key)
					if err != nil {
						t.Fatal(err)
					}
					if len(left) == 0 {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("places are left: %+v", left)
					}
				}
			}
		})
	}
}

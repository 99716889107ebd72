package cutover_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/redisstore"
)

// Three processes share plans over the same tenants on a real Redis: two that wait for them and one
// that does not, and all are undone.
func TestWaitingPlansOnRedis(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real server")
	}
	t.Parallel()
	server := redistest.Start(t)
	x := &exclusive{}
	var engines []*cutover.Engine
	for range 3 {
		rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
		t.Cleanup(func() { _ = rdb.Close() })
		s, err := redisstore.Open(t.Context(), rdb, redisstore.Config{})
		if err != nil {
			t.Fatal(err)
		}
		engines = append(engines, startProcess(t, s, cutover.Config{Executors: executor.Registry{"X": quick{x}}}).Engine)
	}
	tenants := tenantsOf("t", 200)
	ids := []plan.ID{launch(t, engines[0], parallelSpec(tenants[50:100]...))}
	for i := range 2 {
		s := waitingSpec(20+i, tenants...)
		s.Strategy.WaveSizes = []strategy.Amount{strategy.Count(10), strategy.Percent(100)}
		ids = append(ids, launch(t, engines[i+1], s))
	}
	for _, id := range ids {
		rests(t, engines[0], id, plan.Completed)
	}
	for _, id := range ids {
		mustPlan(t)(engines[2].Rollback(t.Context(), id))
		rests(t, engines[0], id, plan.RolledBack)
	}
	x.check(t)
	if n, want := x.count(), 2*(50+2*len(tenants)); n != want {
		t.Errorf("%d runs, want %d", n, want)
	}
}

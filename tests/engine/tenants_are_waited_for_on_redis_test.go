package engine

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/redisstore"
	"github.com/cutover-go/cutover/task"
)

// Three processes share plans over the same tenants on a real Redis: two that wait for them and one
// that does not, and all are undone.
func TestWaitingPlansOnRedis(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real server")
	}
	t.Parallel()
	x := &exclusive{}
	engines := processesOnRedis(t, executor.Registry{"X": quick{x}})
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

// processesOnRedis starts three processes that share a real Redis.
func processesOnRedis(t *testing.T, x executor.Registry) (engines []*cutover.Engine) {
	t.Helper()
	server := redistest.Start(t)
	for range 3 {
		rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
		t.Cleanup(func() { _ = rdb.Close() })
		s, err := redisstore.Open(t.Context(), rdb, redisstore.Config{})
		if err != nil {
			t.Fatal(err)
		}
		engines = append(engines, startProcess(t, s, cutover.Config{Executors: x}).Engine)
	}
	return engines
}

// Plans of all three policies over the same tenants, started at the same moment in three processes
// that share a real Redis, share them out; what has been done is then undone.
func TestPlansOfAllPoliciesOnRedis(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real server")
	}
	t.Parallel()
	x := &exclusive{}
	engines := processesOnRedis(t, executor.Registry{"X": quick{x}, "HOLD": executor.Func(untilInterrupted)})
	ids := startTogether(t, engines, tenantsOf("t", 400))
	checkShared(t, engines[0], ids)
	done := 0
	for _, id := range ids[1:] {
		p, err := engines[1].Plan(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if done += p.Counters.Of(task.Completed); p.State == plan.Completed {
			mustPlan(t)(engines[2].Rollback(t.Context(), id))
			rests(t, engines[0], id, plan.RolledBack)
		}
	}
	x.check(t)
	if n := x.count(); n != 2*done {
		t.Errorf("%d runs of %d tasks and their undos", n, done)
	}
}

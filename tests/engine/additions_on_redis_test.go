package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/redisstore"
	"github.com/cutover-go/cutover/task"
)

// onRedis returns a store, and an engine that runs over it.
func onRedis(t *testing.T, rdb redis.UniversalClient, x executor.TaskExecutor) (*redisstore.Store, *cutover.Engine) {
	t.Helper()
	s, err := redisstore.Open(t.Context(), rdb, redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s, startProcess(t, s, cutover.Config{Executors: executor.Registry{"X": x}, LeaseTTL: 3 * time.Second}).Engine
}

// gated is an executor whose runs end when the channel is closed.
func gated(open <-chan struct{}) executor.Func {
	return func(ctx context.Context, _ *executor.Run) error {
		select {
		case <-open:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// refusesAddition adds tenants, which must fail for now, and waits until nothing of it is left.
func refusesAddition(t *testing.T, s *redisstore.Store, e *cutover.Engine, id plan.ID, tenants []string, mend func()) {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), 2*time.Second)
	defer end()
	r, err := e.AddTenants(ctx, id, plan.Tenants(tenants...))
	if err == nil {
		t.Fatalf("added to %d tasks", r.Plan.TaskCount)
	}
	mend()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		p, err := e.Plan(t.Context(), id)
		if err == nil && p.TaskCount != 1 {
			t.Fatalf("the plan has %d tasks", p.TaskCount)
		}
		if err == nil && p.Adding == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the addition is never given up: %+v, %v", p.Adding, err)
		}
	}
	left, err := s.Locks(t.Context(), tenants[:store.MaxBatch])
	if err != nil || len(left) > 0 {
		t.Errorf("left locked: %+v, %v", left, err)
	}
}

// adds adds the tenants to a plan of one task, and lets all of them end.
func adds(t *testing.T, e *cutover.Engine, id plan.ID, tenants []string, open chan struct{}) {
	t.Helper()
	r, err := e.AddTenants(t.Context(), id, plan.Tenants(tenants...))
	if err != nil || r.Plan.TaskCount != 1+len(tenants) {
		t.Fatalf("%d tasks, %v", r.Plan.TaskCount, err)
	}
	close(open)
	p := rests(t, e, id, plan.Completed)
	if got := p.Counters.Of(task.Completed); got != 1+len(tenants) {
		t.Errorf("%d tasks are completed", got)
	}
}

// While the memory of the server is full, no tenant is added, none stays locked and the plan goes
// on. Later the same tenants are added.
func TestAddingTenantsOnAFullServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	open := make(chan struct{})
	s, e := onRedis(t, server.Client(), gated(open))
	id := launch(t, e, parallelSpec("t1"))
	memory := func(limit string) {
		if err := server.Client().ConfigSet(t.Context(), "maxmemory", limit).Err(); err != nil {
			t.Fatal(err)
		}
	}
	tenants := tenantsOf("new", 150)
	memory("1")
	refusesAddition(t, s, e, id, tenants, func() {})
	memory("0")
	adds(t, e, id, tenants, open)
}

// On a cluster the locks of the tenants are on other nodes than the plan. While one of the nodes is
// silent, no tenant is added; later none is locked, and all of them are added.
func TestAddingTenantsOnACluster(t *testing.T) {
	t.Parallel()
	const masters = 3
	cluster := redistest.StartCluster(t, masters, 0)
	for i, node := range cluster.Nodes() {
		t.Run(fmt.Sprint("master ", i), func(t *testing.T) {
			client := redis.NewClusterClient(cluster.Options())
			t.Cleanup(func() { _ = client.Close() })
			open := make(chan struct{})
			s, e := onRedis(t, client, gated(open))
			id := launch(t, e, parallelSpec(fmt.Sprint("first of ", i)))
			tenants := tenantsOf(fmt.Sprintf("new %d ", i), 150)
			node.Freeze()
			defer node.Thaw()
			refusesAddition(t, s, e, id, tenants, node.Thaw)
			adds(t, e, id, tenants, open)
		})
	}
}

package worker

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// fixture is a pool and a started plan of three tenants, which runs one task at a time.
type fixture struct {
	t     *testing.T
	store *memstore.Store
	queue *capacity.Queue
	pool  *Pool
	lease *lease.Lease
	plan  plan.ID
}

// newFixture must be called in a synctest bubble. The lease is renewed until the test ends.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, store: memstore.New(), queue: capacity.NewQueue(1)}
	client := storeclient.New(f.store, storeclient.Options{
		Fault: func(string, error) {}, Applied: func(plan.Plan, []plan.Event) {}, Changed: func(plan.ID) {},
	})
	registry := lease.NewRegistry()
	keeper := lease.NewKeeper(lease.Options{
		Client: client, Registry: registry, Queue: f.queue, Name: "p", TTL: time.Minute, OnLost: func(string, int) {},
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); keeper.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	synctest.Wait()
	f.lease = keeper.Current()
	f.pool = NewPool(Options{
		Client: client, Registry: registry, Queue: f.queue, Locks: tenantlock.NewManager(client, time.Minute), Quotas: quota.NewManager(client),
		Releaser: tenantlock.NewReleaser(client), Hooks: hook.Hooks{}.Guard(zap.NewNop()), Logger: zap.NewNop(),
		CancelGrace: time.Minute, Committed: func(*store.Batch) {},
	})
	f.start(client)
	return f
}

func (f *fixture) start(client *storeclient.Client) {
	f.t.Helper()
	c, err := f.store.BeginCreate(f.t.Context(), store.Create{Mark: "m", TTL: time.Hour, Plan: plan.Plan{Name: "n", ExecutorType: "X", TaskCount: 3}})
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.store.AddTenants(f.t.Context(), c, 1, []task.Tenant{{ID: "a"}, {ID: "b"}, {ID: "c"}}); err != nil {
		f.t.Fatal(err)
	}
	if err := f.store.FinishCreate(f.t.Context(), c); err != nil {
		f.t.Fatal(err)
	}
	f.plan = c.ID
	for _, decide := range []func(plan.Plan) (plan.Decision, error){
		func(p plan.Plan) (plan.Decision, error) {
			return p.MarkStarting(7, time.Hour, plan.By{Now: time.Now()})
		},
		func(p plan.Plan) (plan.Decision, error) { return p.Start(plan.By{Now: time.Now()}) },
		func(p plan.Plan) (plan.Decision, error) { return p.Settle(time.Now()), nil },
	} {
		if _, _, err := client.Decide(f.t.Context(), f.plan, decide); err != nil {
			f.t.Fatal(err)
		}
	}
}

// run claims a task and starts a worker for it with the executor x.
func (f *fixture) run(x executor.Func) {
	f.t.Helper()
	p := &capacity.Plan{ID: f.plan, ExecutorType: "X", Executor: x, StartToken: 7, Created: 1000}
	f.queue.SetReady(p, true)
	if _, n := f.queue.Next(); n != 1 {
		f.t.Fatalf("capacity for %d", n)
	}
	b := store.Batch{Plan: f.plan, Claim: store.Claim{ID: "c", Worker: f.lease.Name(), Max: 1}}
	if err := f.store.Commit(f.t.Context(), &b); err != nil || len(b.Claimed) != 1 {
		f.t.Fatalf("%d tasks claimed: %v", len(b.Claimed), err)
	}
	f.queue.ClaimDone(p, true)
	f.pool.Start(f.lease, p, b.Claimed[0], 0)
}

// states returns the states of the plan's tasks.
func (f *fixture) states() []task.State {
	f.t.Helper()
	states, err := f.store.States(f.t.Context(), f.plan, 0, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	return states
}

// free reports whether the capacity for one task is free.
func (f *fixture) free() bool {
	f.queue.SetReady(&capacity.Plan{ID: 99}, true)
	_, n := f.queue.Next()
	return n == 1
}

func TestAWorkerGoesOnFromTaskToTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.run(func(context.Context, *executor.Run) error { return nil })
		synctest.Wait()
		if states := f.states(); !slices.Equal(states, []task.State{task.Completed, task.Completed, task.Completed}) {
			t.Errorf("%v", states)
		}
		if !f.free() {
			t.Error("the worker keeps its capacity")
		}
	})
}

// An executor that ends its goroutine fails its task. The outcome is nevertheless committed and the
// capacity released.
func TestAnExecutorThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.run(func(context.Context, *executor.Run) error {
			runtime.Goexit()
			return nil
		})
		synctest.Wait()
		if states := f.states(); states[0] != task.Failed || !f.free() {
			t.Errorf("%v", states)
		}
	})
}

func TestStopClaimsNothingAndInterruptEndsContexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.run(func(ctx context.Context, _ *executor.Run) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		synctest.Wait()
		f.pool.Stop()
		if f.pool.Wait(time.Minute) {
			t.Fatal("the executor did not return, and the pool says that it did")
		}
		if ids := f.pool.Running(); !slices.Equal(ids, []task.ID{task.NewID(f.plan, 1)}) {
			t.Errorf("%v are running", ids)
		}
		f.pool.Interrupt()
		if !f.pool.Wait(time.Second) || len(f.pool.Running()) > 0 {
			t.Errorf("%v are running after their interruption", f.pool.Running())
		}
		if states := f.states(); !slices.Equal(states, []task.State{task.Running, task.Pending, task.Pending}) {
			t.Errorf("%v", states)
		}
	})
}

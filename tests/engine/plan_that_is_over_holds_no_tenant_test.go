package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// watched holds the stores that watchLocks checks, each with its test.
var watched sync.Map //nolint:gochecknoglobals // one per test binary

// watchLocks runs an engine at the end of the test, and checks that within five minutes every lock
// in the store belongs to a task or start that may hold it.
func watchLocks(t *testing.T, s store.Store) {
	t.Helper()
	for {
		switch inner := s.(type) {
		case *interceptedStore:
			s = inner.inner
			continue
		case damagedTask:
			s = inner.inner
			continue
		}
		break
	}
	if _, again := watched.LoadOrStore(s, t); again {
		return
	}
	t.Cleanup(func() { // runs after the cleanups of the engines, which are registered later
		watched.Delete(s)
		ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
		e, err := cutover.New(s, cutover.Config{})
		if err != nil {
			t.Error(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = e.Run(ctx)
		}()
		leaked := leakedLocks(ctx, t, s)
		for range 3000 {
			if len(leaked) == 0 {
				break
			}
			time.Sleep(100 * time.Millisecond)
			leaked = leakedLocks(ctx, t, s)
		}
		for _, l := range leaked {
			t.Error("left locked: " + l)
		}
		stop()
		<-done
	})
}

// leakedLocks describes the locks that no task may hold and no start needs.
func leakedLocks(ctx context.Context, t *testing.T, s store.Store) (leaked []string) {
	t.Helper()
	plans, err := s.Plans(ctx, store.PlanQuery{})
	if err != nil {
		t.Error(err)
	}
	for _, p := range plans {
		for after := 0; after < p.TaskCount; {
			tenants, err := s.Tenants(ctx, p.ID, after, store.MaxBatch)
			if errors.Is(err, store.ErrNotFound) {
				break
			}
			if err != nil || len(tenants) == 0 {
				t.Fatalf("tenants of plan %s after %d: %v, %v", p.ID, after, tenants, err)
			}
			after += len(tenants)
			locks, err := s.Locks(ctx, tenants)
			if err != nil {
				t.Error(err)
			}
			for _, l := range locks {
				if why := needless(ctx, s, l); why != "" {
					leaked = append(leaked, fmt.Sprintf("%+v: %s", l, why))
				}
			}
		}
	}
	return leaked
}

// needless returns the reason why a lock is not needed, "" if the lock may be needed.
func needless(ctx context.Context, s store.Store, l store.TenantLock) string {
	p, err := s.Plan(ctx, l.Plan)
	switch {
	case err != nil:
		return err.Error()
	case p.Over():
		return fmt.Sprintf("the plan is %s and over", p.State)
	case p.Starting != nil && p.Starting.Token == l.Start:
		return ""
	case p.StartToken != l.Start:
		return "it is of a start that was given up"
	}
	tk, err := s.Task(ctx, task.NewID(l.Plan, l.Ordinal))
	switch {
	case err != nil:
		return err.Error()
	case tk.State.Releases() && tk.Worker == "":
		return fmt.Sprintf("the task is %s in a plan that is %s", tk.State, p.State)
	}
	return ""
}

// When a plan is over, none of its tenants stays locked, whatever the outcomes of its tasks, and
// even if releases were lost before.
func TestPlansThatAreOverHoldNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		undo  executor.Func
		leave func(ctx context.Context, t *testing.T, e *cutover.Engine, id plan.ID)
		want  plan.State
	}{
		"a failed undo of one task": {untilFailed, func(ctx context.Context, t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			rests(t, e, id, plan.Completed)
			mustTask(t)(e.RollbackTask(ctx, task.NewID(id, 1)))
			rests(t, e, id, plan.Completed)
			ends(t, e, id, 1, task.RollbackFailed, executor.CodeExecutorFailed)
		}, plan.Completed},
		"a rollback": {succeed, func(ctx context.Context, t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			rests(t, e, id, plan.Completed)
			mustPlan(t)(e.Rollback(ctx, id))
		}, plan.RolledBack},
		"a cancel": {succeed, func(ctx context.Context, t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			mustPlan(t)(e.Cancel(ctx, id))
		}, plan.Canceled},
		"a retry cancelled before a worker had it": {succeed, func(ctx context.Context, t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			mustPlan(t)(e.Pause(ctx, id))
			rests(t, e, id, plan.Paused)
			mustTask(t)(e.RetryTask(ctx, task.NewID(id, 1), cutover.FromCheckpoint))
			mustPlan(t)(e.Cancel(ctx, id))
		}, plan.Canceled},
	}
	for name, tt := range tests {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, releases lost %t", name, lost), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					m := intercept(memstore.New())
					var losing atomic.Bool
					losing.Store(lost)
					m.on(func(ctx context.Context, c storetest.Call) error {
						if c.Method == "Release" && losing.Load() {
							return errAway
						}
						return c.Do(ctx)
					})
					do := executor.Func(func(ctx context.Context, run *executor.Run) error {
						time.Sleep(time.Second)
						return run.Save(ctx, "s", nil)
					})
					e := running(t, m, executor.Registry{"X": both{do, tt.undo}})
					id := launch(t, e, parallelSpec(tenantsOf("t", 250)...))
					time.Sleep(100 * time.Millisecond)
					tt.leave(t.Context(), t, e, id)
					rests(t, e, id, tt.want)
					losing.Store(false)
					time.Sleep(30 * time.Second)
					if leaked := leakedLocks(t.Context(), t, m.Store); len(leaked) > 0 {
						t.Errorf("%d locks are left, %s among them", len(leaked), leaked[0])
					}
				})
			})
		}
	}
}

// When a plan is over, its locks are released even if they are many more than the releaser can
// queue, and a small plan does not wait for the releases.
func TestSmallPlanBesideACancelledOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		m.on(func(ctx context.Context, c storetest.Call) error {
			time.Sleep(2 * time.Millisecond) // the latency of a network
			return c.Do(ctx)
		})
		e := running(t, m, executor.Registry{"X": executor.Func(succeed)})
		tenants := tenantsOf("t", 120_000)
		if !sample.Full(t, 10) {
			tenants = tenants[:10_000]
		}
		large := create(t, newEngine(t, m.Store, cutover.Config{}), spec(tenants...))
		mustPlan(t)(newEngine(t, m.Store, cutover.Config{}).Start(t.Context(), large))
		mustPlan(t)(e.Cancel(t.Context(), large))
		time.Sleep(10 * time.Millisecond)
		began := time.Now()
		rests(t, e, launch(t, e, spec("a")), plan.Completed)
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("the small plan took %s", took)
		}
		time.Sleep(time.Minute)
		if leaked := leakedLocks(t.Context(), t, m.Store); len(leaked) > 0 {
			t.Errorf("%d locks are left, %s among them", len(leaked), leaked[0])
		}
	})
}

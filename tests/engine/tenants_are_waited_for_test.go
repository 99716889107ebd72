package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// waitingSpec is a spec of a plan that waits for its tenants.
func waitingSpec(concurrency int, tenants ...string) plan.Spec {
	s := spec(tenants...)
	s.Strategy.MaxConcurrency, s.Strategy.Conflict = strategy.Count(concurrency), strategy.Wait
	return s
}

// A plan that waits for its tenants starts while another plan works on some of them. It works on
// the others meanwhile, takes no slot for those that it waits for, and begins them when they are
// free.
func TestWaitingPlanWorksOnWhatIsFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exclusive{}
		e := running(t, memstore.New(), executor.Registry{"X": x, "SLOW": executor.Func(untilStopped)})
		slow := spec("a", "b")
		slow.ExecutorType, slow.Strategy.MaxConcurrency = "SLOW", strategy.Count(2)
		holder := launch(t, e, slow)
		id := create(t, e, waitingSpec(2, "a", "x", "b", "y", "z"))
		explained(t, e, id, 1, plan.ReasonNotStarted) // it may be started though its tenant is held
		mustPlan(t)(e.Start(t.Context(), id))
		time.Sleep(time.Minute)
		p, err := e.Plan(t.Context(), id)
		if err != nil || p.State != plan.Running || p.Counters.Of(task.Completed) != 3 || p.Counters.Of(task.Pending) != 2 || p.Counters.Slots() != 0 {
			t.Fatalf("%s, %v, %v", p.State, p.Counters, err)
		}
		if r, err := e.Explain(t.Context(), task.NewID(id, 3)); err != nil || r.Code != plan.ReasonTenantHeld || r.Holder != task.NewID(holder, 2) {
			t.Errorf("task 3: %+v, %v", r, err)
		}
		mustPlan(t)(e.Cancel(t.Context(), holder))
		began := time.Now()
		rests(t, e, id, plan.Completed)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("completed %s after the tenants were free", took)
		}
		x.check(t)
	})
}

// Several plans over the same tenants, that wait or not, share them out among processes, and all
// come to their ends.
func TestWaitingPlansShareTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x, s := &exclusive{}, memstore.New()
		var engines []*cutover.Engine
		for range 3 {
			engines = append(engines, running(t, s, executor.Registry{"X": x}))
		}
		tenants := tenantsOf("t", 40)
		var ids []plan.ID
		for i := range 4 {
			ids = append(ids, launch(t, engines[i%3], waitingSpec(1+10*i, tenants...)))
		}
		plain := create(t, engines[0], parallelSpec(tenants[:5]...))
		for {
			_, err := engines[0].Start(t.Context(), plain)
			if err == nil {
				break
			}
			if !errors.Is(err, store.ErrTenantHeld) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		for _, id := range append(ids, plain) {
			rests(t, engines[0], id, plan.Completed)
		}
		x.check(t)
		if n, want := x.count(), 4*len(tenants)+5; n != want {
			t.Errorf("%d runs, want %d", n, want)
		}
		for _, id := range ids {
			mustPlan(t)(engines[1].Rollback(t.Context(), id))
			rests(t, engines[0], id, plan.RolledBack)
		}
		x.check(t)
	})
}

// The start of a plan that waits for its tenants locks none, however many they are.
func TestStartOfAWaitingPlanLocksNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := newEngine(t, m, cutover.Config{})
		id := create(t, e, waitingSpec(3, tenantsOf("t", 3000)...))
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Reserve" || c.Method == "Tenants" {
				t.Errorf("%s is called", c.Method)
			}
			return c.Do(ctx)
		})
		mustPlan(t)(e.Start(t.Context(), id))
		m.on(nil)
		mustPlan(t)(e.Cancel(t.Context(), id))
	})
}

// A process that dies after it has locked tenants for a claim, before or after the claim, keeps no
// task from being worked on.
func TestClaimOfAWaitingPlanDies(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after the claim %t", after), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x, m := &exclusive{}, intercept(memstore.New())
				victim := startProcess(t, m, cutover.Config{Executors: executor.Registry{"X": x}})
				id := create(t, victim.Engine, waitingSpec(5, tenantsOf("t", 10)...))
				m.on(func(ctx context.Context, c storetest.Call) error {
					if c.Method != "Claim" || len(c.Batch.Claim.Pending) == 0 {
						return c.Do(ctx)
					}
					m.away() // it never calls the store again
					if after {
						return errors.Join(c.Do(ctx), errors.New("died"))
					}
					return errors.New("died")
				})
				mustPlan(t)(victim.Start(t.Context(), id))
				time.Sleep(time.Minute)
				other := running(t, m.inner, executor.Registry{"X": x})
				rests(t, other, id, plan.Completed)
				x.check(t)
			})
		})
	}
}

// The tenant of a task that is being claimed is taken by no other plan, although the task is still
// pending: the start of the other plan waits, and then finds the tenant held.
func TestClaimOfAWaitingPlanIsSpared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		slow := executor.Func(func(context.Context, *executor.Run) error { time.Sleep(time.Minute); return nil })
		e := running(t, m, executor.Registry{"X": slow})
		other := newEngine(t, m.inner, cutover.Config{})
		id, rival := create(t, e, waitingSpec(1, "a")), create(t, other, spec("a"))
		refused := make(chan error, 1)
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Claim" && len(c.Batch.Claim.Pending) > 0 {
				m.on(nil)
				go func() {
					_, err := other.Start(context.WithoutCancel(ctx), rival)
					refused <- err
				}()
				time.Sleep(time.Second)
			}
			return c.Do(ctx)
		})
		mustPlan(t)(e.Start(t.Context(), id))
		if by := heldBy(t, <-refused); by["a"] != id {
			t.Errorf("held by %v", by)
		}
		if tk := taskOf(t, e, id, 1); tk.State != task.Running || tk.Waiting {
			t.Errorf("%s, waiting %t", tk.State, tk.Waiting)
		}
		rests(t, e, id, plan.Completed)
	})
}

// A tenant whose holder is damaged or cannot be reached keeps no other tenant from being worked on.
func TestHolderThatCannotBeReadHoldsOneTenant(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{"damaged": &store.CorruptError{Key: "k", Reason: "r"}, "away": errAway} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x, m := &exclusive{}, intercept(memstore.New())
				e := running(t, m, executor.Registry{"X": x})
				slow := spec("held")
				slow.ExecutorType = "SLOW"
				holder := launch(t, running(t, m.inner, executor.Registry{"SLOW": executor.Func(untilStopped)}), slow)
				m.on(func(ctx context.Context, c storetest.Call) error {
					if c.Plan == holder {
						return fault
					}
					return c.Do(ctx)
				})
				tenants := slices.Concat(tenantsOf("before", 5), []string{"held"}, tenantsOf("after", 5))
				id := launch(t, e, waitingSpec(2, tenants...))
				time.Sleep(5 * time.Minute)
				if p, err := e.Plan(t.Context(), id); err != nil || p.Counters.Of(task.Completed) != 10 || p.Counters.Of(task.Pending) != 1 {
					t.Errorf("%v, %v", p.Counters, err)
				}
				m.on(nil)
				mustPlan(t)(e.Cancel(t.Context(), holder))
				rests(t, e, id, plan.Completed)
				x.check(t)
			})
		})
	}
}

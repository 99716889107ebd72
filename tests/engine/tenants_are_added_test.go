package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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

// Tenants that are added to a plan join its last wave if that has not opened, otherwise they get a
// wave of their own; they wait for their turn, their bake and the approval as all others.
func TestAddedTenantsTakeTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, x := memstore.New(), newDiary()
		x.takes = time.Second
		e := running(t, s, executor.Registry{"X": x})
		sp := sized(4, 1, 3)
		sp.Strategy.BakeTime = time.Hour
		sp.Strategy.FinalBakeTime = time.Hour
		id := launch(t, e, sp)
		began := time.Now()
		r, err := e.AddTenants(t.Context(), id, plan.Tenants("a", "b"), cutover.By("ann"), cutover.Because("forgotten"))
		if err != nil || r.Plan.TaskCount != 6 || r.Plan.Added != 2 || len(r.Plan.Waves) != 2 || r.Plan.Waves[1].Last != 6 {
			t.Fatalf("%+v, %v", r.Plan, err)
		}
		time.Sleep(90 * time.Minute) // the second wave is open, and bakes
		r, err = e.AddTenants(t.Context(), id, plan.Tenants("c"))
		if err != nil || len(r.Plan.Waves) != 3 || r.Plan.Waves[2].Last != 7 {
			t.Fatalf("%+v, %v", r.Plan, err)
		}
		p := rests(t, e, id, plan.Completed)
		if got := p.Counters.Of(task.Completed); got != 7 {
			t.Errorf("%d tasks are completed", got)
		}
		if at := x.at(6).Sub(began); at < time.Hour || at > time.Hour+time.Minute {
			t.Errorf("the sixth began after %s", at)
		}
		if at := x.at(7).Sub(began); at < 2*time.Hour || at > 2*time.Hour+time.Minute {
			t.Errorf("the seventh began after %s", at)
		}
		events, err := e.PlanEvents(t.Context(), id, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(events, func(ev plan.Event) bool { return ev.Cause == "add" })
		if ev := events[at]; ev.Added != 2 || ev.Wave != 2 || ev.Actor != "ann" || ev.Reason != "forgotten" || ev.From != "RUNNING" || ev.To != "RUNNING" {
			t.Errorf("event %+v", ev)
		}
	})
}

// In a plan without waves added tenants begin at once; percentages are then of all tenants, and a
// plan that was created to run its tasks one by one stays one that is undone in reverse order.
func TestAddedTenantsOfAPlanWithoutWaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		undone := make(chan string, 20)
		e := running(t, s, executor.Registry{"X": both{succeed, func(_ context.Context, run *executor.Run) error {
			undone <- run.Tenant().ID
			return nil
		}}})
		sp := spec("t1", "t2")
		sp.Strategy = strategy.Strategy{MaxConcurrency: strategy.Percent(50), FinalBakeTime: time.Hour}
		id := create(t, e, sp)
		mustPlan(t)(e.AddTenants(t.Context(), id, plan.Tenants("t3", "t4")))
		mustPlan(t)(e.Start(t.Context(), id))
		time.Sleep(time.Minute)
		r, err := e.AddTenants(t.Context(), id, plan.Tenants("t5", "t6"))
		if err != nil || r.Plan.Grant.MaxSlots != 3 || !r.Plan.Sequential() {
			t.Fatalf("%+v, %v", r.Plan, err)
		}
		rests(t, e, id, plan.Completed)
		mustPlan(t)(e.Rollback(t.Context(), id))
		rests(t, e, id, plan.RolledBack)
		if len(undone) != 6 {
			t.Errorf("%d tenants were undone", len(undone))
		}
	})
}

// Tenants that are in the plan already are named; if all are, nothing is changed. Faults of tenants
// are named, too.
func TestAddingTenantsTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(untilStopped)})
		id := launch(t, e, spec("t1", "t2"))
		r, err := e.AddTenants(t.Context(), id, plan.Tenants("t2", "t1"))
		if err != nil || !r.Unchanged || r.Plan.TaskCount != 2 {
			t.Errorf("all are there: %+v, %v", r, err)
		}
		for name, list := range map[string][]task.Tenant{
			"Tenants[1]: tenant \"t2\" is in the plan already": plan.Tenants("t3", "t2"),
			"Tenants[1]: tenant \"t3\" is already Tenants[0]":  plan.Tenants("t3", "t3"),
			"Tenants: is empty": nil,
		} {
			var invalid *plan.InvalidError
			if _, err := e.AddTenants(t.Context(), id, list); !errors.As(err, &invalid) || invalid.Total != 1 ||
				invalid.Faults[0].Field+": "+invalid.Faults[0].Problem != name {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := e.AddTenants(t.Context(), id, plan.Tenants("t3"), cutover.IfVersion(1)); !errors.Is(err, plan.ErrVersion) {
			t.Errorf("for another version: %v", err)
		}
		mustPlan(t)(e.Cancel(t.Context(), id))
		if _, err := e.AddTenants(t.Context(), id, plan.Tenants("t3")); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("to a canceled plan: %v", err)
		}
		if _, err := e.AddTenants(t.Context(), 99, plan.Tenants("t3")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("to no plan: %v", err)
		}
	})
}

// A tenant that another plan works on is named, and then none of the tenants is added or stays
// locked. The plan that gets a tenant keeps it, until the task is over.
func TestAddedTenantsAreLocked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := running(t, s, executor.Registry{"X": executor.Func(untilStopped)})
		other := launch(t, e, spec("held"))
		id := launch(t, e, spec("t1"))
		var held *store.TenantHeldError
		if _, err := e.AddTenants(t.Context(), id, plan.Tenants("t2", "held")); !errors.As(err, &held) || held.Held[0].Plan != other {
			t.Fatalf("a tenant is held: %v", err)
		}
		p, err := e.Plan(t.Context(), id)
		if err != nil || p.TaskCount != 1 || p.Adding != nil {
			t.Fatalf("%+v, %v", p, err)
		}
		mustPlan(t)(e.Cancel(t.Context(), other))
		rests(t, e, other, plan.Canceled)
		mustPlan(t)(e.AddTenants(t.Context(), id, plan.Tenants("held", "t2")))
		if _, err := e.Start(t.Context(), create(t, e, spec("t2"))); !errors.As(err, &held) || held.Held[0].Plan != id || held.Held[0].Ordinal != 3 {
			t.Errorf("another plan for an added tenant: %v", err)
		}
		mustPlan(t)(e.Cancel(t.Context(), id))
		rests(t, e, id, plan.Canceled)
	})
}

// While tenants are being added, other additions and a start are refused, and the plan does not end
// although its tasks have ended.
func TestOneAdditionAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		m := intercept(s)
		slow, e := newEngine(t, m, cutover.Config{}), running(t, s, executor.Registry{"X": executor.Func(succeed)})
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "AppendTenants" {
				time.Sleep(time.Hour) // its mark is renewed meanwhile
			}
			return c.Do(ctx)
		})
		sp := spec("t1")
		sp.Strategy.FinalBakeTime = time.Minute // the plan is there when the addition begins
		id, created := launch(t, e, sp), create(t, e, spec("u1"))
		var both sync.WaitGroup
		for _, id := range []plan.ID{id, created} {
			both.Go(func() { mustPlan(t)(slow.AddTenants(t.Context(), id, plan.Tenants(fmt.Sprint("new", id)))) })
		}
		time.Sleep(30 * time.Minute)
		if _, err := e.AddTenants(t.Context(), id, plan.Tenants("t3")); !errors.Is(err, cutover.ErrAdding) {
			t.Errorf("another addition: %v", err)
		}
		if _, err := e.Start(t.Context(), created); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("a start: %v", err)
		}
		if p, err := e.Plan(t.Context(), id); err != nil || p.State != plan.Running || p.AtRest() {
			t.Errorf("%s, at rest: %t, %v", p.State, p.AtRest(), err)
		}
		both.Wait()
		if p := rests(t, e, id, plan.Completed); p.Counters.Of(task.Completed) != 2 {
			t.Errorf("%s", p.Counters)
		}
		mustPlan(t)(e.Start(t.Context(), created))
		rests(t, e, created, plan.Completed)
	})
}

// Whichever of its calls is the last one of the process that adds tenants, all of them are added or
// none: an engine gives the addition up, and releases what was locked for it.
func TestAdditionThatDies(t *testing.T) {
	t.Parallel()
	for lost := range 30 {
		for _, applied := range []bool{false, true} {
			if !addAndDie(t, lost, applied) {
				return // the addition made fewer calls
			}
		}
	}
	t.Error("the addition makes more calls than expected")
}

// addAndDie adds tenants from a process that dies at its call with that number, before or after the
// store has carried it out. It reports whether there was such a call.
func addAndDie(t *testing.T, last int, applied bool) (died bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		m := intercept(s)
		dying, e := newEngine(t, m, cutover.Config{}), running(t, s, executor.Registry{"X": executor.Func(succeed)})
		sp := sized(4, 2)
		sp.Strategy.FinalBakeTime = time.Hour // the plan is there when the addition begins
		id := launch(t, e, sp)
		added := plan.Tenants()
		for i := range 250 {
			added = append(added, task.Tenant{ID: fmt.Sprint("new", i)})
		}
		calls := 0
		var mu sync.Mutex
		m.on(func(ctx context.Context, c storetest.Call) error {
			mu.Lock()
			n := calls
			calls++
			died = died || n >= last
			mu.Unlock()
			if n >= last {
				if n == last && applied {
					_ = c.Do(ctx)
				}
				return errors.New("the process is dead")
			}
			return c.Do(ctx)
		})
		_, err := dying.AddTenants(t.Context(), id, added)
		if (err == nil) == died && !applied {
			t.Errorf("died at call %d: %t, error %v", last, died, err)
		}
		p := rests(t, e, id, plan.Completed)
		if done := p.Counters.Of(task.Completed); done != p.TaskCount || p.TaskCount != 4 && p.TaskCount != 254 || p.Adding != nil {
			t.Errorf("died at call %d: %d of %d completed, %+v", last, done, p.TaskCount, p.Adding)
		}
		mustPlan(t)(e.Start(t.Context(), create(t, e, parallelSpec("new0", "new100", "new249"))))
	})
	return died
}

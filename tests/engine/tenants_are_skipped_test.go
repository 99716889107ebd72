package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// skippingSpec is a spec of a plan that skips the tenants that other plans work on.
func skippingSpec(tenants ...string) plan.Spec {
	s := parallelSpec(tenants...)
	s.Strategy.Conflict = strategy.Skip
	return s
}

// A plan that skips works on the tenants that no other plan works on. The others are SKIPPED, and
// task, event and Explain say which plan worked on them.
func TestHeldTenantsAreSkipped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exclusive{}
		e := running(t, memstore.New(), executor.Registry{"X": x, "SLOW": executor.Func(untilStopped)})
		slow := parallelSpec("b", "d")
		slow.ExecutorType = "SLOW"
		holder := launch(t, e, slow)
		id := create(t, e, skippingSpec("a", "b", "c", "d", "e"))
		mustTask(t)(e.SkipTask(t.Context(), task.NewID(id, 4)))
		mustPlan(t)(e.Start(t.Context(), id, cutover.By("ada"), cutover.Because("tonight")))
		p := rests(t, e, id, plan.Completed)
		if p.Counters.Of(task.Completed) != 3 || p.Counters.Of(task.Skipped) != 2 || p.StartedBy != "ada" {
			t.Errorf("%v, started by %q", p.Counters, p.StartedBy)
		}
		why := fmt.Sprintf("plan %s worked on the tenant", holder)
		if f := ends(t, e, id, 2, task.Skipped, task.CodeTenantHeld).Failure; !strings.Contains(f.Reason, why) {
			t.Errorf("task 2: %q", f.Reason)
		}
		ends(t, e, id, 4, task.Skipped, "") // it was excluded before
		events, err := e.Events(t.Context(), id, 0, 100)
		skips := slices.DeleteFunc(events, func(ev plan.Event) bool { return ev.Task != task.NewID(id, 2) })
		if err != nil || len(skips) != 1 {
			t.Fatalf("events of task 2: %+v, %v", skips, err)
		}
		if ev := skips[0]; ev.Cause != "skip" || ev.Actor != "ada" || ev.Reason != "tonight" || ev.Failure == nil || !strings.Contains(ev.Failure.Reason, why) {
			t.Errorf("the event of the skip: %+v", ev)
		}
		if r, err := e.Explain(t.Context(), task.NewID(id, 2)); err != nil || r.Code != plan.ReasonDone || !strings.Contains(r.String(), why) || r.Params()["errorCode"] != task.CodeTenantHeld {
			t.Errorf("why: %s %v, %v", r, r.Params(), err)
		}
		x.check(t)
	})
}

// A plan all of whose tenants would be skipped is refused with the names of up to 100 holders, and
// nothing is skipped. Tasks that were excluded do not count.
func TestPlanOfWhichAllIsHeldIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{})
		many := tenantsOf("t", 1150)
		holder := launch(t, e, spec(many...))
		id := create(t, e, skippingSpec(append(many, "free")...))
		mustTask(t)(e.SkipTask(t.Context(), task.NewID(id, len(many)+1)))
		_, err := e.Start(t.Context(), id)
		if by := heldBy(t, err); len(by) != 100 || by["t-0"] != holder {
			t.Errorf("%d holders: %v", len(by), err)
		}
		p, err := e.Plan(t.Context(), id)
		if err != nil || p.State != plan.Created || p.Starting != nil || p.Counters.Of(task.Pending) != len(many) {
			t.Errorf("%s, %v, %v", p.State, p.Counters, err)
		}
		mustPlan(t)(e.Start(t.Context(), create(t, e, spec("free")))) // it is not locked
	})
}

// ending is how a start ends before its time, at one of its calls of the store.
type ending struct {
	name string
	// arrives reports that the call is carried out, leaves that only the caller leaves: the process
	// lives on.
	arrives, leaves bool
}

// If the process of a start dies, at whatever call of the store, or if only the answer of that call
// is lost, another engine finishes the start: everything that is held is skipped, and nothing else.
// If only the caller leaves, the start is given up before the first task is skipped, and finished
// after that.
func TestStartThatSkipsIsFinished(t *testing.T) {
	t.Parallel()
	for _, end := range []ending{{name: "dies"}, {name: "dies after the call", arrives: true}, {"its caller leaves", true, true}} {
		t.Run(end.name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				ended := true
				synctest.Test(t, func(t *testing.T) { ended = startEndsAt(t, n, end) })
				if t.Failed() {
					t.Fatalf("the start ended at call %d", n)
				}
				if !ended {
					if n < 12 {
						t.Errorf("a start makes only %d calls", n-1)
					}
					return
				}
			}
		})
	}
}

// startEndsAt starts a plan of 125 tenants, 105 of which are held, in a process that dies at its
// n-th call of the store, or whose caller leaves then, and reports whether it has come to that.
func startEndsAt(t *testing.T, n int, end ending) (ended bool) {
	t.Helper()
	x, m := &exclusive{}, intercept(memstore.New())
	registry := executor.Registry{"X": quick{x}, "SLOW": executor.Func(untilStopped)}
	e := running(t, m.inner, registry)
	dying := newEngine(t, m, cutover.Config{LeaseTTL: 2 * time.Second})
	tenants := tenantsOf("t", 125)
	slow := spec(tenants[10:115]...)
	slow.ExecutorType = "SLOW"
	holder := launch(t, e, slow)
	id := create(t, e, skippingSpec(tenants...))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls, marked := 0, false
	var mu sync.Mutex
	m.on(func(ctx context.Context, c storetest.Call) error {
		mu.Lock()
		defer mu.Unlock()
		calls++
		if calls == n {
			ended = true
			defer cancel()
		}
		if calls < n || calls == n && end.arrives || end.leaves {
			marked = marked || c.Command != nil
			if err := c.Do(ctx); !ended || end.leaves {
				return err
			}
		}
		return errAway
	})
	_, err := dying.Start(ctx, id)
	if ended == (err == nil) && !end.leaves {
		t.Errorf("ended %t, %v", ended, err)
	}
	time.Sleep(time.Minute)
	p, err := e.Plan(t.Context(), id)
	finished := p.State != plan.Created
	if err != nil || p.Starting != nil || !finished && (p.Counters.Of(task.Skipped) > 0 || marked && !end.leaves) {
		t.Fatalf("%s with %v, starting %+v, %v", p.State, p.Counters, p.Starting, err)
	}
	if !finished {
		mustPlan(t)(e.Start(t.Context(), id))
	}
	p = rests(t, e, id, plan.Completed)
	all, _, err := m.inner.Tasks(t.Context(), id, store.TaskQuery{})
	for i, tk := range all {
		if held := i >= 10 && i < 115; held != (tk.State == task.Skipped) || held && !strings.Contains(tk.Failure.Reason, fmt.Sprintf("plan %s ", holder)) {
			t.Errorf("task %s: %s, %+v", tk.ID, tk.State, tk.Failure)
		}
	}
	if err != nil || len(all) != len(tenants) {
		t.Errorf("%d tasks, %v", len(all), err)
	}
	mustPlan(t)(e.Cancel(t.Context(), holder))
	rests(t, e, holder, plan.Canceled)
	time.Sleep(2 * time.Minute)
	for _, l := range leakedLocks(t.Context(), t, m.inner) {
		t.Error("left locked: " + l)
	}
	x.check(t)
	return ended
}

// A start that has begun to skip is not given up, whoever asks for its tenants; other starts are
// refused at once. Only a cancel of the plan ends it, and releases its tenants.
func TestStartThatHasSkippedHoldsItsTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := newEngine(t, m.inner, cutover.Config{})
		launch(t, e, spec("held"))
		id := create(t, e, skippingSpec("held", "a"))
		rivals := []plan.ID{create(t, e, spec("a")), create(t, e, skippingSpec("a"))}
		dying := newEngine(t, m, cutover.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		m.on(func(ctx context.Context, c storetest.Call) error {
			err := c.Do(ctx)
			if c.Method == "Apply" && c.Command.Plan.Starting != nil && c.Command.Plan.Starting.Skipping {
				m.away()
				cancel()
			}
			return err
		})
		if _, err := dying.Start(ctx, id); err == nil {
			t.Fatal("started")
		}
		for range 2 {
			for _, rival := range rivals {
				began := time.Now()
				_, err := e.Start(t.Context(), rival)
				if by := heldBy(t, err); by["a"] != id || time.Since(began) > 0 {
					t.Errorf("held by %v after %s", by, time.Since(began))
				}
			}
			if r, err := e.Explain(t.Context(), task.NewID(rivals[0], 1)); err != nil || r.Code != plan.ReasonTenantHeld || r.Holder.Plan() != id {
				t.Errorf("%s, %v", r, err)
			}
			time.Sleep(time.Hour) // no engine runs
		}
		mustPlan(t)(e.Cancel(t.Context(), id))
		ends(t, e, id, 1, task.Skipped, task.CodeTenantHeld)
		mustPlan(t)(e.Start(t.Context(), rivals[0]))
	})
}

// A process that was taken for dead during its start, and was only slow, does no harm: the plan is
// started once, by one of the two, and what is skipped is not worked on.
func TestSlowStartThatSkips(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"Reserve", "TasksAt", "Apply"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x, m := &exclusive{}, intercept(memstore.New())
				e := running(t, m.inner, executor.Registry{"X": x})
				slow := newEngine(t, m, cutover.Config{LeaseTTL: time.Second})
				holder := launch(t, newEngine(t, m.inner, cutover.Config{}), spec("held")) // of the same executor: ends in a second
				id := create(t, e, skippingSpec("held", "a", "b"))
				var frozen atomic.Bool
				m.on(func(ctx context.Context, c storetest.Call) error {
					if c.Method == at && (at != "Apply" || c.Command.Plan.Starting == nil || c.Command.Plan.Starting.Skipping) {
						frozen.Store(true)
					}
					if frozen.Load() {
						time.Sleep(20 * time.Second)
					}
					return c.Do(ctx)
				})
				_, err := slow.Start(t.Context(), id)
				if err != nil && !errors.Is(err, cutover.ErrStarting) && !errors.Is(err, plan.ErrNotApplicable) {
					t.Error(err)
				}
				rests(t, e, id, plan.Completed)
				rests(t, e, holder, plan.Completed)
				starts := 0
				events, err := e.Events(t.Context(), id, 0, 100)
				for _, ev := range events {
					if ev.Task == 0 && ev.Cause == "start" {
						starts++
					}
				}
				if err != nil || starts != 1 {
					t.Errorf("%d starts, %v", starts, err)
				}
				x.check(t)
			})
		})
	}
}

// Plans of all three policies over the same tenants, started at the same moment in several
// processes, share them out: no two work on a tenant, and all come to their ends.
func TestPlansOfAllPoliciesShareTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x, s := &exclusive{}, memstore.New()
		var engines []*cutover.Engine
		for range 3 {
			engines = append(engines, running(t, s, executor.Registry{"X": x, "HOLD": executor.Func(untilInterrupted)}))
		}
		checkShared(t, engines[0], startTogether(t, engines, tenantsOf("t", 60)))
		x.check(t)
		time.Sleep(2 * time.Minute) // for the cleaners
		for _, l := range leakedLocks(t.Context(), t, s) {
			t.Error("left locked: " + l)
		}
	})
}

// startTogether starts twelve plans at the same moment, four of each policy, over overlapping
// tenants. Those that are refused stay as they are. The last tenant of the last plan, which skips,
// is held by another one, whose id is the first of those that are returned.
func startTogether(t *testing.T, engines []*cutover.Engine, tenants []string) (ids []plan.ID) {
	t.Helper()
	n := len(tenants)
	first := func(i int) int { return n / 12 * i / 2 }
	hold := spec(tenants[first(11)+n/4-1])
	hold.ExecutorType = "HOLD"
	ids = append(ids, launch(t, engines[0], hold))
	for i := range 12 {
		of := slices.Clone(tenants[first(i) : first(i)+n/4])
		if i%2 == 0 {
			slices.Reverse(of)
		}
		s := parallelSpec(of...)
		s.Strategy.Conflict = []strategy.Conflict{strategy.Reject, strategy.Wait, strategy.Skip}[i%3]
		ids = append(ids, create(t, engines[i%len(engines)], s))
	}
	var all sync.WaitGroup
	for i, id := range ids[1:] {
		all.Go(func() {
			if _, err := engines[(i+1)%len(engines)].Start(t.Context(), id); err != nil && !errors.Is(err, store.ErrTenantHeld) {
				t.Errorf("plan %s: %v", id, err)
			}
		})
	}
	all.Wait()
	return ids
}

// checkShared waits until the plans that were started have ended, and checks what became of their
// tasks: only plans that skip have skipped tasks, and never all of them.
func checkShared(t *testing.T, e *cutover.Engine, ids []plan.ID) {
	t.Helper()
	skipped := 0
	for _, id := range ids[1:] {
		p, err := e.Plan(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if p.State != plan.Created {
			p = rests(t, e, id, plan.Completed)
		}
		n := p.Counters.Of(task.Skipped)
		skipped += n
		if p.Starting != nil || n > 0 && (p.Strategy.Conflict != strategy.Skip || p.State == plan.Created) || n == p.TaskCount {
			t.Errorf("plan %s (%s) is %s with %v", id, p.Strategy.Conflict, p.State, p.Counters)
		}
	}
	if skipped == 0 {
		t.Error("no tenant was skipped")
	}
	mustPlan(t)(e.Cancel(t.Context(), ids[0]))
	rests(t, e, ids[0], plan.Canceled)
}

// An addition to a plan that skips is refused if another plan works on one of the tenants: nothing
// is added, and the error names it.
func TestHeldTenantsAreNotAdded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{})
		holder, id := launch(t, e, spec("held")), launch(t, e, skippingSpec("a"))
		_, err := e.AddTenants(t.Context(), id, plan.Tenants("b", "held"))
		if by := heldBy(t, err); len(by) != 1 || by["held"] != holder {
			t.Errorf("held by %v", by)
		}
		mustPlan(t)(e.AddTenants(t.Context(), id, plan.Tenants("b")))
		if p, err := e.Plan(t.Context(), id); err != nil || p.TaskCount != 2 || p.Counters.Of(task.Pending) != 2 {
			t.Errorf("%v, %v", p.Counters, err)
		}
	})
}

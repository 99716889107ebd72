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
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// keyed returns a spec with an idempotency key.
func keyed(tenants ...string) plan.Spec {
	s := spec(tenants...)
	s.IdempotencyKey = "job-17"
	return s
}

// causesOf returns the causes of the events of a plan itself, with their actors.
func causesOf(t *testing.T, e *cutover.Engine, id plan.ID) (line string) {
	t.Helper()
	events, err := e.PlanEvents(t.Context(), id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		line += fmt.Sprint(ev.Cause, " by ", ev.Actor, " (", ev.Reason, "); ")
	}
	return line
}

func TestEnsureStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := commanding(t, s)
		var existed bool
		r, err := e.EnsureStarted(t.Context(), keyed("a", "b"), cutover.By("ann"), cutover.Because("job"), cutover.Existed(&existed))
		if err != nil || r.Unchanged || r.Plan.State != plan.Running || r.Plan.ID != 1 || existed {
			t.Fatalf("%+v, %v", r, err)
		}
		if got := causesOf(t, e, 1); got != "create by ann (); start by ann (job); " {
			t.Error(got)
		}
		again, err := e.EnsureStarted(t.Context(), keyed("a", "b"), cutover.By("bob"), cutover.Existed(&existed))
		if err != nil || !again.Unchanged || again.Plan.ID != 1 || again.Plan.Version != r.Plan.Version || !existed {
			t.Errorf("again: %+v, %v", again, err)
		}
		if _, err := e.EnsureStarted(t.Context(), keyed("a", "c")); !errors.Is(err, store.ErrKeyReused) {
			t.Errorf("other content: %v", err)
		}
		mustPlan(t)(e.Cancel(t.Context(), 1))
	})
}

// A plan that was only created is started; whatever else it is, it stays.
func TestEnsureStartedLeavesOtherStatesAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := running(t, s, executor.Registry{"X": executor.Func(func(ctx context.Context, r *executor.Run) error {
			if r.Tenant().ID == "bad" {
				return executor.Fail("BAD", errors.New("bad"))
			}
			return takeASecond(ctx, r)
		})})
		for i, tt := range []struct {
			tenant string
			bring  func(plan.ID)
			want   plan.State
		}{
			{"a", func(id plan.ID) { mustPlan(t)(e.Cancel(t.Context(), id)) }, plan.Canceled},
			{"a", func(id plan.ID) { mustPlan(t)(e.Start(t.Context(), id)); rests(t, e, id, plan.Completed) }, plan.Completed},
			{"bad", func(id plan.ID) { mustPlan(t)(e.Start(t.Context(), id)); rests(t, e, id, plan.Failed) }, plan.Failed},
			{"b", func(id plan.ID) {
				mustPlan(t)(e.Start(t.Context(), id))
				mustPlan(t)(e.Pause(t.Context(), id))
			}, plan.Paused},
		} {
			sp := spec(tt.tenant)
			sp.IdempotencyKey = fmt.Sprint("key", i)
			id := create(t, e, sp)
			tt.bring(id)
			before, err := e.Plan(t.Context(), id)
			if err != nil || before.State != tt.want {
				t.Fatalf("%s, %v", before.State, err)
			}
			r, err := e.EnsureStarted(t.Context(), sp)
			if err != nil || !r.Unchanged || r.Plan.ID != id || r.Plan.State != tt.want || r.Plan.Version != before.Version {
				t.Errorf("%s: %+v, %v", tt.want, r, err)
			}
		}
	})
}

// What can never succeed is refused, with every fault, and changes nothing.
func TestEnsureStartedNeedsAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := commanding(t, memstore.New())
		s := spec()
		s.ExecutorType = "unknown"
		_, err := e.EnsureStarted(t.Context(), s)
		if !errors.Is(err, plan.ErrInvalid) || !errors.Is(err, cutover.ErrUnknownExecutor) {
			t.Error(err)
		}
		_, err = e.EnsureStarted(t.Context(), spec("a"))
		invalid := new(plan.InvalidError)
		if !errors.As(err, &invalid) || len(invalid.Faults) != 1 || invalid.Faults[0].Field != "IdempotencyKey" {
			t.Error(err)
		}
		if plans, err := e.Plans(t.Context(), store.PlanQuery{}); err != nil || len(plans) > 0 {
			t.Errorf("%d plans, %v", len(plans), err)
		}
	})
}

// unwatched returns an engine over a store that need not answer at the end of the test.
func unwatched(t *testing.T, s store.Store) *cutover.Engine {
	t.Helper()
	e, err := cutover.New(s, cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}, Hooks: hook.Hooks{OnStoreFault: func(string, error) {}}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// However many processes call it at the same time, there is one plan, started once, and nobody gets
// an error.
func TestEnsureStartedByManyAtOnce(t *testing.T) {
	t.Parallel()
	for round := range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := storetest.Faulty(memstore.New(), storetest.FaultConfig{Seed: uint64(round), Delay: 0.5, MaxDelay: 30 * time.Millisecond})
			var all sync.WaitGroup
			for i := range 8 {
				e := unwatched(t, s)
				all.Go(func() {
					r, err := e.EnsureStarted(t.Context(), keyed(manyTenants(250)...), cutover.By(fmt.Sprint("caller", i)))
					if err != nil || r.Plan.State != plan.Running {
						t.Errorf("caller %d: %s, %v", i, r.Plan.State, err)
					}
				})
			}
			all.Wait()
			s.Disarm()
			e := commanding(t, s.Store)
			plans, err := e.Plans(t.Context(), store.PlanQuery{})
			if err != nil || len(plans) != 1 {
				t.Fatalf("%d plans, %v", len(plans), err)
			}
			events, err := e.PlanEvents(t.Context(), plans[0].ID, 0, 0)
			if err != nil || len(events) != 2 {
				t.Errorf("%d events, %v", len(events), err)
			}
			mustPlan(t)(e.Cancel(t.Context(), plans[0].ID))
		})
	}
}

func manyTenants(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint("t", i))
	}
	return ids
}

// Wherever the process dies, before or after a call takes effect, another call finishes the work,
// at the latest when what the dead one left has expired.
func TestEnsureStartedAfterACrash(t *testing.T) {
	t.Parallel()
	errDead := errors.New("dead")
	for _, effect := range []bool{false, true} {
		for at := int64(1); ; at++ {
			var calls atomic.Int64
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				dying := unwatched(t, storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
					n := calls.Add(1)
					if n < at {
						return c.Do(ctx)
					}
					if n == at && effect {
						_ = c.Do(ctx)
					}
					return errDead
				}))
				if _, err := dying.EnsureStarted(t.Context(), keyed(manyTenants(150)...)); err != nil && !errors.Is(err, errDead) {
					t.Fatal(err)
				}
				e := running(t, s, executor.Registry{"X": executor.Func(succeed)})
				r, err := e.EnsureStarted(t.Context(), keyed(manyTenants(150)...))
				if err != nil || r.Plan.State == plan.Created {
					t.Errorf("call %d, effect %t: %s, %v", at, effect, r.Plan.State, err)
				}
				rests(t, e, r.Plan.ID, plan.Completed)
				if plans, err := e.Plans(t.Context(), store.PlanQuery{}); err != nil || len(plans) != 1 {
					t.Errorf("%d plans, %v", len(plans), err)
				}
			})
			if calls.Load() < at {
				break
			}
		}
	}
}

// It waits for a creation or a start that is under way, and gives up after a minute, or with its
// context.
func TestEnsureStartedWaits(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]error{"AddTenants": store.ErrCreating, "Reserve": cutover.ErrStarting} {
		synctest.Test(t, func(t *testing.T) {
			s := memstore.New()
			goOn, held := make(chan struct{}), make(chan struct{})
			hold := sync.OnceFunc(func() { close(held) })
			slow := newEngine(t, storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
				if c.Method == method {
					hold()
					<-goOn
				}
				return c.Do(ctx)
			}), cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}, LeaseTTL: time.Hour})
			slowly := make(chan error)
			go func() {
				_, err := slow.EnsureStarted(t.Context(), keyed("a"))
				slowly <- err
			}()
			<-held
			e := commanding(t, s)
			began := time.Now()
			if r, err := e.EnsureStarted(t.Context(), keyed("a")); !errors.Is(err, want) || time.Since(began) < time.Minute || time.Since(began) > 62*time.Second {
				t.Errorf("%s: %s, %v after %s", method, r.Plan.State, err, time.Since(began))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := e.EnsureStarted(ctx, keyed("a")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", method, err)
			}
			soon := make(chan error)
			go func() {
				r, err := e.EnsureStarted(t.Context(), keyed("a"))
				if err == nil && r.Plan.State != plan.Running {
					err = fmt.Errorf("the plan is %s", r.Plan.State)
				}
				soon <- err
			}()
			time.Sleep(10 * time.Second)
			close(goOn)
			if err := errors.Join(<-slowly, <-soon); err != nil {
				t.Errorf("%s: %v", method, err)
			}
			mustPlan(t)(e.Cancel(t.Context(), 1))
		})
	}
}

// A plan whose tenants others hold stays CREATED, and is started by a later call.
func TestEnsureStartedBesideAnotherPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := commanding(t, memstore.New())
		other := launch(t, e, spec("a"))
		r, err := e.EnsureStarted(t.Context(), keyed("a", "b"))
		if !errors.Is(err, store.ErrTenantHeld) || r.Plan.State != plan.Created || r.Plan.ID != 2 {
			t.Errorf("%+v, %v", r, err)
		}
		mustTask(t)(e.SkipTask(t.Context(), task.NewID(other, 1)))
		if r, err = e.EnsureStarted(t.Context(), keyed("a", "b")); err != nil || r.Unchanged || r.Plan.State != plan.Running || r.Plan.ID != 2 {
			t.Errorf("%+v, %v", r, err)
		}
		mustPlan(t)(e.Cancel(t.Context(), r.Plan.ID))
		_, _ = e.Cancel(t.Context(), other)
	})
}

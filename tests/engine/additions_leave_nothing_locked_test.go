package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
)

// A process stands still while it locks the tenants that it adds, until its addition was given up
// and other tenants were added in its place, or the plan is gone. It then releases what it locks
// late: no engine knows these tenants any more.
func TestAdditionThatIsFrozen(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(*testing.T, *cutover.Engine, plan.ID){
		"another addition": func(t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			mustPlan(t)(e.AddTenants(t.Context(), id, plan.Tenants("other")))
		},
		"the plan is removed": func(t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			mustPlan(t)(e.Cancel(t.Context(), id))
			rests(t, e, id, plan.Canceled)
			time.Sleep(3 * time.Hour)
			if _, err := e.Plan(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the plan is still there: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				m := intercept(s)
				frozen := newEngine(t, m, cutover.Config{})
				e := startProcess(t, s, cutover.Config{Executors: executor.Registry{"X": executor.Func(untilStopped)}, Retention: time.Hour})
				id := launch(t, e.Engine, spec("t1"))
				thaw, still := make(chan struct{}), new(atomic.Bool)
				m.on(func(ctx context.Context, c storetest.Call) error {
					if c.Method == "Reserve" || still.Load() {
						still.Store(true)
						<-thaw
					}
					return c.Do(ctx)
				})
				added := make([]string, 250)
				for i := range added {
					added[i] = fmt.Sprint("new", i)
				}
				failed := make(chan error)
				go func() {
					_, err := frozen.AddTenants(t.Context(), id, plan.Tenants(added...))
					failed <- err
				}()
				time.Sleep(time.Hour)
				meanwhile(t, e.Engine, id)
				close(thaw)
				if err := <-failed; err == nil {
					t.Error("the addition was given up, and succeeded")
				}
				for _, tenant := range []string{"new0", "new100", "new249"} {
					if left, err := s.Locks(t.Context(), []string{tenant}); err != nil || len(left) > 0 {
						t.Errorf("%s: left locked: %+v, %v", tenant, left, err)
					}
				}
			})
		})
	}
}

// A process that goes on after its addition was given up takes no lock from another addition of the
// same tenants, which would get the same ordinals.
func TestAdditionThatIsOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		m := intercept(s)
		frozen, e := newEngine(t, m, cutover.Config{}), running(t, s, executor.Registry{"X": executor.Func(untilStopped)})
		id := launch(t, e, spec("t1"))
		thaw, still := make(chan struct{}), new(atomic.Bool)
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Reserve" || still.Load() {
				still.Store(true)
				<-thaw
			}
			return c.Do(ctx)
		})
		failed := make(chan error)
		go func() {
			_, err := frozen.AddTenants(t.Context(), id, plan.Tenants("t2", "t3"))
			failed <- err
		}()
		time.Sleep(time.Hour)
		mustPlan(t)(e.AddTenants(t.Context(), id, plan.Tenants("t2", "t3")))
		before, err := s.Locks(t.Context(), []string{"t2", "t3"})
		if err != nil || len(before) != 2 {
			t.Fatalf("%+v, %v", before, err)
		}
		close(thaw)
		if err := <-failed; err == nil {
			t.Error("the addition was given up, and succeeded")
		}
		if after, err := s.Locks(t.Context(), []string{"t2", "t3"}); err != nil || !slices.Equal(after, before) {
			t.Errorf("locked as %+v, before as %+v, %v", after, before, err)
		}
		mustPlan(t)(e.Cancel(t.Context(), id))
		rests(t, e, id, plan.Canceled)
	})
}

// Whichever of its calls the context of an addition ends in, before or after the store has carried
// the call out, all tenants are added or none, and nothing is left of the addition: the plan can be
// started at once, and so can another plan for the same tenants.
func TestAdditionWhoseContextEnds(t *testing.T) {
	t.Parallel()
	for at := range 30 {
		for _, applied := range []bool{false, true} {
			if !addAndEnd(t, at, applied) {
				return // the addition made fewer calls
			}
		}
	}
	t.Error("the addition makes more calls than expected")
}

// addAndEnd adds tenants to a plan that was started and to one that was not, with a context that
// ends in the call with that number. It reports whether there was such a call.
func addAndEnd(t *testing.T, at int, applied bool) (ended bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		m := intercept(s)
		e := newEngine(t, m, cutover.Config{})
		for _, id := range []plan.ID{create(t, e, spec("t1")), launch(t, e, spec("u1"))} {
			ctx, end := context.WithCancel(t.Context())
			var calls atomic.Int64
			m.on(func(callCtx context.Context, c storetest.Call) error {
				if calls.Add(1) != int64(at+1) {
					return c.Do(callCtx)
				}
				ended = true
				if applied {
					_ = c.Do(callCtx)
				}
				end()
				return context.Canceled
			})
			list := make([]string, 150)
			for i := range list {
				list[i] = fmt.Sprintf("new %s %d", id, i)
			}
			_, err := e.AddTenants(ctx, id, plan.Tenants(list...))
			end()
			m.on(nil)
			p, readErr := s.Plan(t.Context(), id)
			if readErr != nil || p.Adding != nil || p.TaskCount != 1 && p.TaskCount != 151 || err == nil && p.TaskCount == 1 {
				t.Errorf("call %d of plan %s, applied %t: %d tasks, %+v, %v after %v", at, id, applied, p.TaskCount, p.Adding, readErr, err)
			}
			if p.State == plan.Created {
				mustPlan(t)(e.Start(t.Context(), id))
			}
			if p.TaskCount == 1 {
				mustPlan(t)(e.Start(t.Context(), create(t, e, spec(list...))))
			}
		}
	})
	return ended
}

// A start whose context ends while it marks the plan, too, leaves no mark behind.
func TestStartWhoseContextEndsInItsFirstCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		m := intercept(s)
		e := newEngine(t, m, cutover.Config{})
		id := create(t, e, spec("t1"))
		ctx, end := context.WithCancel(t.Context())
		var ended atomic.Bool
		m.on(func(callCtx context.Context, c storetest.Call) error {
			err := c.Do(callCtx)
			if c.Method == "Apply" && ended.CompareAndSwap(false, true) {
				end()
				return context.Canceled
			}
			return err
		})
		if _, err := e.Start(ctx, id); !errors.Is(err, context.Canceled) {
			t.Errorf("the start: %v", err)
		}
		mustPlan(t)(e.Start(t.Context(), id))
	})
}

// A start or an addition whose time is over while it looks for the holders of its tenants is no
// fault of the store.
func TestTheEndOfTheCallersTimeIsNoFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := newEngine(t, m, cutover.Config{Hooks: hook.Hooks{OnStoreFault: func(op string, err error) { t.Errorf("%s: %v", op, err) }}})
		launch(t, e, spec("held"))
		running, created := launch(t, e, spec("t1")), create(t, e, spec("held", "t2"))
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Locks" {
				<-ctx.Done()
				return ctx.Err()
			}
			return c.Do(ctx)
		})
		for name, call := range map[string]func(context.Context) (cutover.PlanResult, error){
			"start": func(ctx context.Context) (cutover.PlanResult, error) { return e.Start(ctx, created) },
			"addition": func(ctx context.Context) (cutover.PlanResult, error) {
				return e.AddTenants(ctx, running, plan.Tenants("held", "t3"))
			},
		} {
			ctx, end := context.WithTimeout(t.Context(), time.Second)
			if _, err := call(ctx); !errors.Is(err, store.ErrTenantHeld) {
				t.Errorf("%s: %v", name, err)
			}
			end()
		}
		m.on(nil)
	})
}

// The error of an addition names the tenants that other plans work on wherever they are among the
// new ones, up to a hundred, as that of a start does.
func TestAnAdditionNamesAllHolders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(untilStopped)})
		other := launch(t, e, parallelSpec("held1", "held2", "held3"))
		id := launch(t, e, spec("t1"))
		list := []string{"held1"}
		for i := range 1500 {
			list = append(list, fmt.Sprint("new", i))
		}
		list = append(list, "held2", "new", "held3")
		var held *store.TenantHeldError
		_, err := e.AddTenants(t.Context(), id, plan.Tenants(list...))
		if !errors.As(err, &held) || len(held.Held) != 3 {
			t.Fatalf("held: %v", err)
		}
		for i, l := range held.Held {
			if l.Tenant != fmt.Sprint("held", i+1) || l.Plan != other {
				t.Errorf("held by plan %s: %+v", l.Plan, l)
			}
		}
	})
}

package cutover_test

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

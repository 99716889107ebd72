package engine

import (
	"context"
	"fmt"
	"slices"
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

// switchable is a process whose engine reconciles plans only while it is switched on.
type switchable struct {
	*cutover.Engine
	on atomic.Bool
}

func bootSwitchable(t *testing.T, s store.Store) *switchable {
	t.Helper()
	w := new(switchable)
	m := intercept(s)
	m.on(func(ctx context.Context, c storetest.Call) error {
		if c.Method == "Due" && !w.on.Load() {
			return errAway
		}
		return c.Do(ctx)
	})
	w.Engine = startProcess(t, m, cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}}).Engine
	return w
}

// A process that has checked the locks of a plan at rest checks them again after another process
// has left a lock behind, although the plan has not changed.
func TestLockLeftAfterTheCleaning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		a, b := bootSwitchable(t, s), bootSwitchable(t, s)
		a.on.Store(true)
		id := launch(t, a.Engine, spec("t"))
		rests(t, a.Engine, id, plan.Completed)
		time.Sleep(lateness - restInFlight/2)
		// Both processes walk over the plan and find nothing to release. b is switched off before
		// it asks for the result, so b remembers its finished walk.
		a.on.Store(false)
		b.on.Store(true)
		time.Sleep(restInFlight)
		b.on.Store(false)
		a.on.Store(true)
		time.Sleep(time.Hour)

		m := intercept(s)
		dying := newEngine(t, m, cutover.Config{})
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Apply" || c.Method == "Release" {
				return errAway
			}
			return c.Do(ctx)
		})
		a.on.Store(false)
		if _, err := dying.RollbackTask(t.Context(), task.NewID(id, 1)); !store.Temporary(err) {
			t.Fatalf("the command: %v", err)
		}
		if locks, err := s.Locks(t.Context(), []string{"t"}); len(locks) != 1 || err != nil {
			t.Fatalf("the command took %v, %v", locks, err)
		}
		b.on.Store(true)
		time.Sleep(time.Hour)
		if leaked := leakedLocks(t.Context(), t, s); len(leaked) > 0 {
			t.Error(leaked)
		}
	})
}

const (
	lateness     = time.Minute             // tenantlock.Lateness: how late a request may arrive
	restInFlight = 7500 * time.Millisecond // of a plan, with the default lease
)

// The locks left by a process that died while it started a large plan are released, and do not
// delay small plans.
func TestSmallPlanBesideAnAbandonedStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		slow := func(ctx context.Context, c storetest.Call) error {
			time.Sleep(2 * time.Millisecond) // the latency of a network
			return c.Do(ctx)
		}
		dying, m := intercept(s), intercept(s)
		m.on(slow)
		e := running(t, m, executor.Registry{"X": executor.Func(succeed)})
		reserves, launches := int64(1190), 400 // of 1200, each of 100 tenants
		if !sample.Full(t, 5) {
			reserves, launches = 190, 100
		}
		large := create(t, newEngine(t, s, cutover.Config{}), spec(tenantsOf("t", int(reserves+10)*100)...))
		var reserved atomic.Int64
		dying.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Reserve" && reserved.Add(1) > reserves || reserved.Load() > reserves {
				return errAway
			}
			return c.Do(ctx)
		})
		if _, err := newEngine(t, dying, cutover.Config{}).Start(t.Context(), large); !store.Temporary(err) {
			t.Fatalf("the start: %v", err)
		}
		var took []time.Duration
		for i := range launches {
			began := time.Now()
			rests(t, e, launch(t, e, spec(fmt.Sprint("small-", i))), plan.Completed)
			took = append(took, time.Since(began))
			time.Sleep(100 * time.Millisecond)
		}
		if longest := slices.Max(took); longest > 100*time.Millisecond {
			t.Errorf("a small plan took %s", longest)
		}
		time.Sleep(time.Minute)
		if leaked := leakedLocks(t.Context(), t, s); len(leaked) > 0 {
			t.Errorf("%d locks are left, %s among them", len(leaked), leaked[0])
		}
	})
}

// Plans that cannot be reached, from 1 to 400 of them, do not delay other plans. They complete when
// they can be reached again.
func TestSmallPlanBesideSickOnes(t *testing.T) {
	t.Parallel()
	numbers := []int{1, 40, 400}
	for _, i := range sample.Of(t, 1, uint64(len(numbers))) {
		sick := numbers[i]
		t.Run(fmt.Sprint(sick, " sick plans"), func(t *testing.T) {
			t.Parallel()
			launches := 100
			if !sample.Full(t, 5) {
				launches = 25
			}
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				commands := newEngine(t, s, cutover.Config{})
				ill := make(map[plan.ID]bool)
				for i := range sick {
					ill[launch(t, commands, spec(fmt.Sprint("ill-", i)))] = true
				}
				m := intercept(s)
				var busy, most atomic.Int64
				m.on(func(ctx context.Context, c storetest.Call) error {
					if ill[c.Plan] && (c.Method == "Plan" || c.Method == "Commit") {
						most.Store(max(most.Load(), busy.Add(1)))
						defer busy.Add(-1)
						time.Sleep(3 * time.Second) // a node that does not answer
						return errAway
					}
					return c.Do(ctx)
				})
				e := running(t, m, executor.Registry{"X": executor.Func(succeed)})
				time.Sleep(10 * time.Second)
				for i := range launches {
					began := time.Now()
					rests(t, e, launch(t, e, spec(fmt.Sprint("small-", i))), plan.Completed)
					if took := time.Since(began); took > 100*time.Millisecond {
						t.Fatalf("small plan %d took %s", i, took)
					}
					time.Sleep(77 * time.Millisecond)
				}
				if n := most.Load(); n > 2*int64(sick) {
					t.Errorf("%d calls for %d sick plans at once", n, sick)
				}
				m.on(nil)
				for id := range ill {
					rests(t, e, id, plan.Completed)
				}
			})
		})
	}
}

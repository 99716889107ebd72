package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// tenantsOf returns the ids of n tenants, with the name as their prefix.
func tenantsOf(name string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%d", name, i)
	}
	return ids
}

// Small plans do not wait for a large plan that was started earlier, in one process or in several.
func TestSmallPlansFinishEarly(t *testing.T) {
	t.Parallel()
	for _, i := range sample.Of(t, 1, 2) {
		processes := 1 + 2*i
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			t.Parallel()
			full := sample.Full(t, 5)
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				var done atomic.Int64 // tasks of the large plan
				c := cutover.Config{Capacity: 8, Executors: executor.Registry{"X": executor.Func(func(_ context.Context, run *executor.Run) error {
					time.Sleep(100 * time.Millisecond)
					if run.ID().Plan() == 1 {
						done.Add(1)
					}
					return nil
				})}}
				var e *cutover.Engine
				for range processes {
					e = newEngine(t, s, c)
					runEngine(t, e)
				}
				tasks := 3_000
				if !full {
					tasks = 1_000
				}
				large := parallelSpec(tenantsOf("large", tasks)...)
				if id := launch(t, e, large); id != 1 {
					t.Fatalf("the large plan is %s", id)
				}
				time.Sleep(time.Second)
				var small []plan.ID
				for i := range 50 {
					small = append(small, launch(t, e, spec(tenantsOf(fmt.Sprint("small", i), 3)...)))
				}
				for _, id := range small {
					rests(t, e, id, plan.Completed)
				}
				// The small plans have 150 tasks in total, and each runs its three tasks one after
				// the other. If all plans get equal shares, the large plan has done few tasks when
				// the small plans are done.
				if n := done.Load(); n > 600 {
					t.Errorf("%d tasks of the large plan were done before the small ones", n)
				}
				rests(t, e, 1, plan.Completed)
			})
		})
	}
}

// Plans whose executor type no process has wait without failing. They do not starve other plans,
// however many they are.
func TestUnknownTypeWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := running(t, s, executor.Registry{"X": twoSteps(succeed)})
		stranger := spec("")
		stranger.ExecutorType = "STRANGE"
		var strange []plan.ID
		strangers := 250
		if !sample.Full(t, 5) {
			strangers = 80
		}
		for i := range strangers {
			stranger.Tenants = plan.Tenants(fmt.Sprint("strange", i))
			strange = append(strange, launch(t, e, stranger))
		}
		began := time.Now()
		for i := range 5 {
			rests(t, e, launch(t, e, spec(fmt.Sprint("known", i))), plan.Completed)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("known plans took %s", took)
		}
		for _, id := range strange {
			if p, err := e.Plan(t.Context(), id); err != nil || p.State != plan.Running {
				t.Fatalf("plan %s: %s, %v", id, p.State, err)
			}
		}
		other := running(t, s, executor.Registry{"STRANGE": twoSteps(succeed)})
		began = time.Now()
		for _, id := range strange {
			rests(t, other, id, plan.Completed)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the process that knows them took %s", took)
		}
	})
}

// Plans that cannot be read do not starve other plans either.
func TestBrokenPlansHideNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := newEngine(t, m, cutover.Config{Executors: executor.Registry{"X": twoSteps(succeed)}})
		for i := range 150 {
			launch(t, e, spec(fmt.Sprint("broken", i)))
		}
		id := launch(t, e, spec("fine"))
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Plan" && c.Plan != id {
				return &store.CorruptError{Key: c.Plan.String(), Reason: "broken"}
			}
			return c.Do(ctx)
		})
		runEngine(t, e)
		rests(t, e, id, plan.Completed)
	})
}

// Many plans that all have claimable tasks share the capacity of a process: it is fully used and
// never exceeded.
func TestManyPlansAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		var running, peak atomic.Int64
		e := newEngine(t, s, cutover.Config{Capacity: 8, Executors: executor.Registry{"X": executor.Func(func(context.Context, *executor.Run) error {
			n := running.Add(1)
			defer running.Add(-1)
			for {
				if p := peak.Load(); n <= p || peak.CompareAndSwap(p, n) {
					break
				}
			}
			time.Sleep(time.Second)
			return nil
		})}})
		ids := make([]plan.ID, 300)
		if !sample.Full(t, 5) {
			ids = ids[:60]
		}
		for i := range ids {
			s := spec(tenantsOf(fmt.Sprint("p", i), 2)...)
			s.Strategy.MaxConcurrency = strategy.Count(1 + i%3)
			ids[i] = launch(t, e, s)
		}
		began := time.Now()
		runEngine(t, e)
		for _, id := range ids {
			rests(t, e, id, plan.Completed)
		}
		if took := time.Since(began); peak.Load() != 8 || took > time.Duration(len(ids)/2)*time.Second {
			t.Errorf("at most %d at once, %s for %d tasks of a second", peak.Load(), took, 2*len(ids))
		}
	})
}

// An idle process makes at most three store calls a second, even with 500 plans at rest.
func TestIdleCost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := running(t, m, executor.Registry{"X": both{func(_ context.Context, run *executor.Run) error {
			if run.Tenant().Labels["fails"] != "" {
				return errors.New("fails")
			}
			return nil
		}, succeed}})
		for i := range 500 {
			s := spec(fmt.Sprint("t", i))
			if i%3 == 0 {
				s.Tenants[0].Labels = map[string]string{"fails": "yes"}
			}
			id := create(t, e, s)
			if i%2 == 0 {
				mustPlan(t)(e.Start(t.Context(), id))
			}
		}
		time.Sleep(2 * time.Minute) // the plans are reconciled once more, a minute after they came to rest
		var calls atomic.Int64
		m.on(func(ctx context.Context, c storetest.Call) error {
			calls.Add(1)
			return c.Do(ctx)
		})
		time.Sleep(time.Minute)
		if n := calls.Load(); n > 3*60 {
			t.Errorf("%d calls in an idle minute", n)
		}
	})
}

package cutover_test

import (
	"context"
	"fmt"
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

// foreignPlans starts plans whose executor the engine does not have.
func foreignPlans(t *testing.T, e *cutover.Engine, n int) (ids []plan.ID) {
	t.Helper()
	for i := range n {
		s := spec(fmt.Sprint("foreign", i))
		s.ExecutorType = "FOREIGN"
		ids = append(ids, launch(t, e, s))
	}
	return ids
}

// A process reads plans whose executor it does not have a few times in a lease, and not at every
// poll, and leaves their places on the agenda alone. It misses no command on them.
func TestForeignPlansCostLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		var reads, moves atomic.Int64
		e := newEngine(t, storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
			switch c.Method {
			case "Plan":
				reads.Add(1)
			case "Reschedule":
				moves.Add(1)
			}
			return c.Do(ctx)
		}), cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}})
		runEngine(t, e)
		ids := foreignPlans(t, e, 50)
		time.Sleep(10 * time.Second)
		reads.Store(0)
		moves.Store(0)
		time.Sleep(5 * time.Minute) // ten leases
		if n := reads.Load(); n < 50*30 || n > 50*60 {
			t.Errorf("%d plans were read %d times in ten leases", len(ids), n)
		}
		if n := moves.Load(); n > 50*60 {
			t.Errorf("they were rescheduled %d times", n)
		}
		mustPlan(t)(e.Pause(t.Context(), ids[0]))
		mustPlan(t)(e.Cancel(t.Context(), ids[1]))
		mustPlan(t)(e.Resume(t.Context(), ids[0]))
		began := time.Now()
		rests(t, e, ids[1], plan.Canceled)
		other := running(t, s, executor.Registry{"FOREIGN": executor.Func(succeed)})
		for _, id := range ids {
			if id != ids[1] {
				rests(t, other, id, plan.Completed)
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the process that has the executor took %s", took)
		}
	})
}

// However many plans of others are due, those of this process have their turn, and what a process
// that died has left of a foreign plan is taken over.
func TestPlansBehindForeignOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := running(t, s, executor.Registry{"X": executor.Func(succeed)})
		ids := foreignPlans(t, e, 350)
		time.Sleep(5 * time.Second)
		for i := range 3 {
			began := time.Now()
			rests(t, e, launch(t, e, spec(fmt.Sprint("own", i))), plan.Completed)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("a plan of this process took %s", took)
			}
		}
		if err := s.Join(t.Context(), "dies", 10*time.Second, store.Process{}); err != nil {
			t.Fatal(err)
		}
		b := store.Batch{Plan: ids[3], Claim: store.Claim{ID: "c", Worker: "dies", Max: 1}}
		if err := s.Commit(t.Context(), &b); err != nil || len(b.Claimed) != 1 {
			t.Fatal(err)
		}
		time.Sleep(10*time.Second + 40*time.Second)
		if found, err := e.Task(t.Context(), b.Claimed[0].ID); err != nil || found.Worker != "" || found.Losses != 1 {
			t.Errorf("the task of the dead worker: %+v, %v", found, err)
		}
		for _, id := range ids {
			mustPlan(t)(e.Cancel(t.Context(), id))
		}
		for _, id := range ids {
			rests(t, e, id, plan.Canceled)
		}
	})
}

package engine

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

// restingPlans makes plans that wait for a command.
func restingPlans(t *testing.T, e *cutover.Engine, n int) {
	t.Helper()
	for i := range n {
		p := launch(t, e, spec(fmt.Sprint("resting", i)))
		rests(t, e, p, plan.Completed)
	}
}

// A process that has nothing to do calls its store a few times a second, however many plans rest or
// are left to processes that have their executor. It misses no command on them, and a process that
// has the executor and joins later finds them within a poll or two.
func TestForeignPlansCostLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		var calls atomic.Int64
		e := newEngine(t, storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
			if c.Method != "Listen" {
				calls.Add(1)
			}
			return c.Do(ctx)
		}), cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}, Retention: 24 * time.Hour})
		runEngine(t, e)
		restingPlans(t, e, 200)
		ids := foreignPlans(t, e, 100)
		time.Sleep(2 * time.Minute) // then the locks of all plans are cleaned, also late ones
		for _, of := range []struct {
			when string
			time.Duration
		}{{"at first", time.Minute}, {"for an hour", time.Hour}} {
			calls.Store(0)
			time.Sleep(of.Duration)
			perSecond := float64(calls.Load()) / of.Seconds()
			t.Logf("%s: %.2f calls a second", of.when, perSecond)
			if perSecond > 4 {
				t.Errorf("%s it makes %.1f calls a second", of.when, perSecond)
			}
		}
		mustPlan(t)(e.Pause(t.Context(), ids[0]))
		mustPlan(t)(e.Cancel(t.Context(), ids[1]))
		mustPlan(t)(e.Resume(t.Context(), ids[0]))
		began := time.Now()
		rests(t, e, ids[1], plan.Canceled)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("a command took %s", took)
		}
		time.Sleep(10 * time.Second)
		began = time.Now()
		other := running(t, s, executor.Registry{"FOREIGN": executor.Func(succeed)})
		for _, id := range ids {
			if id != ids[1] {
				rests(t, other, id, plan.Completed)
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the process that has the executor took %s", took)
		}
	})
}

// dies runs an engine for a while, and then keeps all its calls from the store.
func dies(t *testing.T, s store.Store, x executor.Registry) {
	t.Helper()
	var dead atomic.Bool
	running(t, storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
		if dead.Load() {
			return errAway
		}
		return c.Do(ctx)
	}), x)
	time.Sleep(3 * time.Second)
	dead.Store(true)
	t.Cleanup(func() { dead.Store(false) }) // the store is looked at after the test
}

func blockUntilStopped(ctx context.Context, _ *executor.Run) error {
	<-ctx.Done()
	return context.Cause(ctx)
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
		dies(t, s, executor.Registry{"FOREIGN": executor.Func(blockUntilStopped)})
		time.Sleep(30*time.Second + 10*time.Second)
		lost := 0
		for _, id := range ids {
			found := taskOf(t, e, id, 1)
			if lost += found.Losses; found.Worker != "" {
				t.Errorf("the dead worker holds %+v", found)
			}
		}
		if lost == 0 {
			t.Error("no task was lost")
		}
		for _, id := range ids {
			mustPlan(t)(e.Cancel(t.Context(), id))
		}
		for _, id := range ids {
			rests(t, e, id, plan.Canceled)
		}
	})
}

package engine

import (
	"context"
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
	"github.com/cutover-go/cutover/task"
)

// An engine that finishes the start of a dead process, and is shut down meanwhile or does not reach
// all of the store, gives the start up for nobody: another engine, or a later try, finishes it.
func TestFinishersOfAStartMayEndToo(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"is shut down", "has no store"} {
		for _, at := range []string{"Reserve", "Locks", "TasksAt", "Tenants"} {
			t.Run(how+" at "+at, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { finisherEnds(t, how, at) })
			})
		}
	}
}

func finisherEnds(t *testing.T, how, at string) {
	t.Helper()
	s := memstore.New()
	dying, finishing := intercept(s), intercept(s)
	registry := executor.Registry{"X": quick{&exclusive{}}}
	starter := newEngine(t, dying, cutover.Config{LeaseTTL: 2 * time.Second})
	hold := spec("held")
	hold.ExecutorType = "NOWHERE" // nobody works on it
	launch(t, starter, hold)
	id := create(t, starter, skippingSpec("held", "a", "b"))
	dying.on(func(ctx context.Context, c storetest.Call) error {
		err := c.Do(ctx)
		if c.Method == "Apply" {
			dying.away()
		}
		return err
	})
	if _, err := starter.Start(t.Context(), id); err == nil {
		t.Fatal("started")
	}
	var hindered atomic.Int64
	finisher := startProcess(t, finishing, cutover.Config{Executors: registry})
	finishing.on(func(ctx context.Context, c storetest.Call) error {
		if c.Method != at || hindered.Load() > 30 {
			return c.Do(ctx)
		}
		if hindered.Add(1); how == "is shut down" {
			finisher.stop()
			<-ctx.Done()
			return ctx.Err()
		}
		time.Sleep(time.Second)
		return &store.TemporaryError{Err: context.DeadlineExceeded}
	})
	time.Sleep(5 * time.Minute)
	if how == "is shut down" {
		running(t, s, registry)
		time.Sleep(5 * time.Minute)
	}
	dying.on(nil)
	if p, err := starter.Plan(t.Context(), id); err != nil || hindered.Load() == 0 || p.State != plan.Completed || p.Counters.Of(task.Skipped) != 1 {
		t.Errorf("%s with %v, starting %+v, %v; hindered %d times", p.State, p.Counters, p.Starting, err, hindered.Load())
	}
}

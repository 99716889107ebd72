package sqlitestore

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
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// TestEngineOverRestarts: processes die in the middle of a plan, holding tasks under long leases.
// Each is followed by one that goes on with them at once.
func TestEngineOverRestarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const tenants, lease = 30, time.Hour
		path := newFile(t)
		began := time.Now()
		var saves atomic.Int64
		move := executor.Func(func(ctx context.Context, run *executor.Run) error {
			time.Sleep(time.Second)
			if err := run.Save(ctx, "SWITCHED", nil); err != nil {
				return err
			}
			saves.Add(1)
			time.Sleep(time.Second)
			return nil
		})
		for deaths := range 3 {
			s := open(t, path, Config{})
			e, dies := process(t, s, move, lease)
			if deaths == 0 {
				begin(t, e, tenants)
			}
			time.Sleep(1500 * time.Millisecond)
			if p, err := s.Plan(t.Context(), 1); err != nil || p.Counters.Held != 10 {
				t.Fatalf("%d tasks are held, %v", p.Counters.Held, err)
			}
			if err := s.Close(); err != nil { // before the engine can yield anything
				t.Fatal(err)
			}
			dies()
		}
		s := open(t, path, Config{})
		e, dies := process(t, s, move, lease)
		p, err := e.Wait(t.Context(), 1)
		if err != nil || p.State != plan.Completed || p.Counters.Of(task.Completed) != tenants {
			t.Errorf("%s: %s, %v", p.State, p.Counters, err)
		}
		if took := time.Since(began); took > lease/10 || saves.Load() < tenants+3*10 {
			t.Errorf("%d saves in %s", saves.Load(), took)
		}
		dies()
		storetest.Check(t, s, 1)
	})
}

// process runs an engine on a store. dies ends it.
func process(t *testing.T, s *Store, move executor.TaskExecutor, lease time.Duration) (e *cutover.Engine, dies func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	e, err := cutover.New(s, cutover.Config{Executors: executor.Registry{"X": move}, LeaseTTL: lease, Capacity: 10})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = e.Run(ctx) }()
	return e, func() { stop(); <-ended }
}

func begin(t *testing.T, e *cutover.Engine, n int) {
	t.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprint("tenant-", i))
	}
	p, err := e.Create(t.Context(), plan.Spec{
		Name: "p", ExecutorType: "X", Tenants: plan.Tenants(ids...), Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(10)},
	})
	if err == nil {
		_, err = e.Start(t.Context(), p.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
}

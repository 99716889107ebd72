package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// workersOf returns a line for each worker: its process, held tasks, capacity, executors.
func workersOf(t *testing.T, e *cutover.Engine) (lines []string) {
	t.Helper()
	workers, err := e.Lookup().Workers(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		name := w.Name[:strings.LastIndex(w.Name, "-")]
		lines = append(lines, fmt.Sprint(name, " ", w.Held, "/", w.Capacity, " ", w.Executors, " of ", w.Plans))
	}
	return lines
}

// Every process that runs is listed, with what it has and holds, until it shuts down or is dead.
func TestWorkersAreListed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		holds := executor.Func(func(ctx context.Context, _ *executor.Run) error { <-ctx.Done(); return ctx.Err() })
		e := newEngine(t, s, cutover.Config{Executors: executor.Registry{"X": holds}})
		if got := workersOf(t, e); got != nil {
			t.Errorf("without Run: %q", got)
		}
		one := startProcess(t, s, cutover.Config{Name: "one", Capacity: 3, Executors: executor.Registry{"X": holds, "A": holds}, ShutdownGrace: time.Second})
		other := startProcess(t, s, cutover.Config{Name: "two", Capacity: 2})
		synctest.Wait()
		if got := workersOf(t, e); !slices.Equal(got, []string{"one 0/3 [A X] of []", "two 0/2 [] of []"}) {
			t.Errorf("at first: %q", got)
		}
		sp := spec("a", "b", "c", "d")
		sp.Strategy.MaxConcurrency = strategy.Count(9)
		id := launch(t, e, sp)
		time.Sleep(5 * time.Second) // without hints, a poll finds the plan
		if got := workersOf(t, e); !slices.Equal(got, []string{"one 3/3 [A X] of [1]", "two 0/2 [] of []"}) {
			t.Errorf("at work: %q", got)
		}
		workers, err := e.Lookup().Workers(t.Context(), "", 1)
		if err != nil || len(workers) != 1 {
			t.Fatalf("%v, %v", workers, err)
		}
		w, tasks, err := e.Lookup().Worker(t.Context(), workers[0].Name, nil)
		if err != nil || w.Name != workers[0].Name || len(tasks) != 3 || tasks[2].ID != task.NewID(id, 3) || tasks[2].State != task.Running {
			t.Errorf("%+v, %+v, %v", w, tasks, err)
		}
		if _, none, err := e.Lookup().Worker(t.Context(), w.Name, func(p plan.ID) bool { return p != id }); err != nil || len(none) > 0 {
			t.Errorf("without its plan: %+v, %v", none, err)
		}
		next, err := e.Lookup().Workers(t.Context(), w.Name, 1)
		if err != nil || len(next) != 1 || !strings.HasPrefix(next[0].Name, "two-") {
			t.Errorf("%v, %v", next, err)
		}
		other.end(t)
		if got := workersOf(t, e); !slices.Equal(got, []string{"one 3/3 [A X] of [1]"}) {
			t.Errorf("after a shutdown: %q", got)
		}
		mustPlan(t)(e.Cancel(t.Context(), id))
		one.end(t)
		if got := workersOf(t, e); got != nil {
			t.Errorf("at last: %q", got)
		}
	})
}

// A worker that is not there is not found, whatever its name is.
func TestWorkersThatAreNotThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		if err := s.Join(t.Context(), "b", time.Minute, store.Process{}); err != nil {
			t.Fatal(err)
		}
		e := newEngine(t, s, cutover.Config{})
		for _, name := range []string{"", "a", "b\x00", "c", "../b", "b/"} {
			if w, tasks, err := e.Lookup().Worker(t.Context(), name, nil); !errors.Is(err, store.ErrNotFound) || w.Name != "" || tasks != nil {
				t.Errorf("%q: %+v, %v", name, w, err)
			}
		}
		for _, limit := range []int{-1, store.MaxPage + 1} {
			if _, err := e.Lookup().Workers(t.Context(), "", limit); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("a page of %d: %v", limit, err)
			}
		}
	})
}

// What can be read of a worker is told even if some of its tasks cannot be, and at most 100 of them
// are.
func TestWorkersThatArePartlyRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		damage := &store.CorruptError{Key: "k", Reason: "r"}
		e := newEngine(t, storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Holdings" && c.Plan == 1 {
				return damage
			}
			return c.Do(ctx)
		}), cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}})
		if err := s.Join(t.Context(), "w", time.Hour, store.Process{}); err != nil {
			t.Fatal(err)
		}
		var plans []plan.ID
		for i := range 4 {
			sp := plan.Spec{Name: "p", ExecutorType: "X"}
			for o := range 60 {
				sp.Tenants = append(sp.Tenants, task.Tenant{ID: fmt.Sprint("t", i, ".", o)})
			}
			sp.Strategy.MaxConcurrency = strategy.Count(60)
			id := launch(t, e, sp)
			b := store.Batch{Plan: id, Claim: store.Claim{ID: "c", Worker: "w", Max: 60}}
			if err := s.Commit(t.Context(), &b); err != nil || len(b.Claimed) != 60 {
				t.Fatal(err)
			}
			plans = append(plans, id)
		}
		if err := s.Report(t.Context(), "w", store.Load{Held: 240, Plans: append(plans, 99)}); err != nil {
			t.Fatal(err)
		}
		w, tasks, err := e.Lookup().Worker(t.Context(), "w", nil)
		if !errors.Is(err, store.ErrCorrupt) || w.Held != 240 || len(tasks) != 100 || tasks[0].ID != task.NewID(2, 1) || tasks[99].ID != task.NewID(3, 40) {
			t.Errorf("%+v, %d tasks, %v", w, len(tasks), err)
		}
		for _, id := range plans {
			mustPlan(t)(e.Cancel(t.Context(), id))
		}
	})
}

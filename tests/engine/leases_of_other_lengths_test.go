package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// A start is not abandoned before the TTL that its own process gave it, even if the processes that
// check it have a shorter LeaseTTL.
func TestStartBesideShorterLeases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		startProcess(t, m.inner, cutover.Config{LeaseTTL: 2 * time.Second, Executors: executor.Registry{"X": executor.Func(succeed)}})
		e := newEngine(t, m, cutover.Config{LeaseTTL: 30 * time.Second})
		rival := newEngine(t, m.inner, cutover.Config{LeaseTTL: 2 * time.Second})
		id := create(t, e, spec(tenantsOf("t", 500)...))
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Reserve" {
				time.Sleep(20 * time.Second)
			}
			return c.Do(ctx)
		})
		again := make(chan error, 1)
		go func() {
			time.Sleep(10 * time.Second)
			_, err := rival.Start(t.Context(), id)
			again <- err
		}()
		mustPlan(t)(e.Start(t.Context(), id))
		if err := <-again; !errors.Is(err, cutover.ErrStarting) {
			t.Errorf("a second start meanwhile: %v", err)
		}
	})
}

// If the process of a start has died, processes with longer leases abandon the start when its own
// TTL is over.
func TestStartBesideLongerLeases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		startProcess(t, m.inner, cutover.Config{LeaseTTL: 10 * time.Minute})
		dying := newEngine(t, m, cutover.Config{LeaseTTL: 2 * time.Second})
		e := newEngine(t, m.inner, cutover.Config{LeaseTTL: 10 * time.Minute})
		id, other := create(t, e, spec("a", "b")), create(t, e, spec("b"))
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Apply" && c.Command.Plan.Starting == nil {
				return errors.New("died")
			}
			return c.Do(ctx)
		})
		if _, err := dying.Start(t.Context(), id); err == nil {
			t.Fatal("started")
		}
		time.Sleep(4 * time.Second) // its TTL, and the time between two polls
		if p, err := e.Plan(t.Context(), id); err != nil || p.Starting != nil {
			t.Errorf("the start is not given up: %+v, %v", p.Starting, err)
		}
		mustPlan(t)(e.Start(t.Context(), other))
	})
}

// Tasks of a lost process with a short lease do not wait for the long lease of another process.
func TestTakeOverByLongerLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		cut := intercept(s)
		x := executor.Registry{"X": executor.Func(untilInterrupted)}
		dead := startProcess(t, cut, cutover.Config{LeaseTTL: 2 * time.Second, Executors: x})
		id := launch(t, dead.Engine, spec("a"))
		time.Sleep(time.Second)
		cut.away()
		e := startProcess(t, s, cutover.Config{LeaseTTL: 10 * time.Minute, Executors: executor.Registry{"X": executor.Func(succeed)}}).Engine
		time.Sleep(15 * time.Second)
		ends(t, e, id, 1, task.Completed, "")
		rests(t, e, id, plan.Completed)
	})
}

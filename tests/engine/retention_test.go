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
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// aged creates plans in all states in which a plan can be at rest, and returns them by state.
// Executors: X completes and undoes, BAD does neither, LONG works until it is stopped.
func aged(t *testing.T, e *cutover.Engine) map[plan.State]plan.ID {
	t.Helper()
	ctx := t.Context()
	ids := make(map[plan.State]plan.ID)
	fresh := func(state plan.State, tenant, key, executorType string) plan.ID {
		s := spec(tenant, tenant+"2")
		s.IdempotencyKey, s.ExecutorType = key, executorType
		ids[state] = create(t, e, s)
		return ids[state]
	}
	fresh(plan.Created, "created", "k1", "X")
	mustPlan(t)(e.Start(ctx, fresh(plan.Completed, "completed", "k2", "X")))
	mustPlan(t)(e.Start(ctx, fresh(plan.Failed, "failed", "k3", "BAD")))
	mustPlan(t)(e.Cancel(ctx, fresh(plan.Canceled, "cancelled", "k4", "X")))
	paused := fresh(plan.Paused, "paused", "k5", "LONG") // LONG does not complete before the pause
	mustPlan(t)(e.Start(ctx, paused))
	mustPlan(t)(e.Pause(ctx, paused))
	mustPlan(t)(e.Start(ctx, fresh(plan.RolledBack, "back", "k6", "X")))
	mustPlan(t)(e.Start(ctx, fresh(plan.RollbackFailed, "stuck", "k7", "BAD")))
	time.Sleep(10 * time.Second)
	mustPlan(t)(e.Rollback(ctx, ids[plan.RolledBack]))
	mustPlan(t)(e.Rollback(ctx, ids[plan.RollbackFailed]))
	for state, id := range ids {
		rests(t, e, id, state)
	}
	return ids
}

func agedExecutors() executor.Registry {
	return executor.Registry{
		"X":   both{twoSteps(succeed), succeed},
		"BAD": both{untilFailed, untilFailed}, "LONG": executor.Func(untilStopped),
	}
}

// Plans that are over are removed after the retention, with their tasks, events, keys and locks;
// all others are kept for ever.
func TestRetention(t *testing.T) {
	t.Parallel()
	removed := map[plan.State]bool{plan.Completed: true, plan.Canceled: true, plan.RolledBack: true}
	// If the retention is set later, the plans are over before any engine has a limited retention.
	names := []string{"from the beginning", "set later"}
	for _, i := range sample.Of(t, 1, uint64(len(names))) {
		later := i == 1
		t.Run(names[i], func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				c := cutover.Config{Executors: agedExecutors(), PollInterval: 10 * time.Second, Retention: -1}
				if !later {
					c.Retention = time.Hour
				}
				first := startProcess(t, s, c)
				ids := aged(t, first.Engine)
				if later {
					first.stop()
					if err := <-first.done; err != nil {
						t.Fatal(err)
					}
					c.Retention = time.Hour
					first = startProcess(t, s, c)
				}
				e := first.Engine
				time.Sleep(50 * time.Minute)
				for state, id := range ids {
					rests(t, e, id, state)
				}
				time.Sleep(30 * time.Minute)
				for state, id := range ids {
					checkRemoved(t, e, state, id, removed[state])
				}
				// The keys and tenants of the removed plans are free.
				again := spec("completed", "completed2", "cancelled", "back")
				again.IdempotencyKey = "k2"
				if id := launch(t, e, again); id == ids[plan.Completed] {
					t.Error("the key still names the removed plan")
				}
				time.Sleep(20 * time.Hour)
				for _, state := range []plan.State{plan.Failed, plan.RollbackFailed, plan.Created, plan.Paused} {
					rests(t, e, ids[state], state)
				}
			})
		})
	}
}

func checkRemoved(t *testing.T, e *cutover.Engine, state plan.State, id plan.ID, want bool) {
	t.Helper()
	_, errPlan := e.Plan(t.Context(), id)
	_, errTask := e.Task(t.Context(), task.NewID(id, 1))
	_, errEvents := e.Events(t.Context(), id, 0, 0)
	_, _, errTasks := e.Tasks(t.Context(), id, store.TaskQuery{})
	for _, err := range []error{errPlan, errTask, errEvents, errTasks} {
		if errors.Is(err, store.ErrNotFound) != want {
			t.Errorf("%s: %v, removed should be %t", state, err, want)
		}
	}
}

// A command on a plan that is over restarts its retention.
func TestRetentionStartsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{Executors: agedExecutors(), Retention: time.Hour})
		runEngine(t, e)
		id := launch(t, e, spec("a", "b"))
		rests(t, e, id, plan.Completed)
		time.Sleep(50 * time.Minute)
		mustTask(t)(e.RollbackTask(t.Context(), task.NewID(id, 1)))
		time.Sleep(50 * time.Minute)
		rests(t, e, id, plan.Completed)
		time.Sleep(15 * time.Minute)
		checkRemoved(t, e, plan.Completed, id, true)
	})
}

// A process with a retention of three hours removes within 38 hours the plans that another process
// keeps for longer, or for ever, even if the store is unavailable when the process starts.
func TestRetentionRemindsOthers(t *testing.T) {
	t.Parallel()
	retentions := []time.Duration{-1, 0, 365 * 24 * time.Hour} // for ever, by default, for a year
	for _, i := range sample.Of(t, 1, uint64(len(retentions))) {
		kept := retentions[i]
		t.Run(kept.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				first := startProcess(t, s, cutover.Config{Executors: agedExecutors(), Retention: kept, LeaseTTL: time.Hour, PollInterval: time.Minute})
				ids := make([]plan.ID, 250) // three pages
				for i := range ids {
					ids[i] = create(t, first.Engine, spec(fmt.Sprint("t", i)))
					mustPlan(t)(first.Cancel(t.Context(), ids[i]))
				}
				time.Sleep(time.Hour) // all are at rest

				var failed atomic.Int64 // only calls of the walk over all plans, three of them
				m := intercept(s)
				m.on(func(ctx context.Context, c storetest.Call) error {
					if (c.Method == "Plans" || c.Method == "Remind") && failed.Add(1) <= 3 {
						return errAway
					}
					return c.Do(ctx)
				})
				startProcess(t, m, cutover.Config{Retention: 3 * time.Hour, LeaseTTL: time.Hour, PollInterval: time.Minute})
				time.Sleep(119 * time.Minute)
				for _, id := range ids {
					rests(t, first.Engine, id, plan.Canceled)
				}
				time.Sleep(36 * time.Hour)
				if left, err := first.Plans(t.Context(), store.PlanQuery{}); len(left) > 0 || err != nil {
					t.Errorf("%d plans are left, %v", len(left), err)
				}
			})
		})
	}
}

// By default a plan that is over is kept for 90 days; with a negative Retention it is kept for
// ever.
func TestRetentionDefault(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		retention time.Duration
		removed   bool
	}{"by default": {0, true}, "switched off": {-1, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// Heartbeats and polls are rare, because three months of them would take a minute
				// of real time.
				e := newEngine(t, memstore.New(), cutover.Config{Retention: tt.retention, PollInterval: time.Hour, LeaseTTL: 24 * time.Hour})
				runEngine(t, e)
				id := create(t, e, spec("a"))
				mustPlan(t)(e.Cancel(t.Context(), id))
				time.Sleep(89 * 24 * time.Hour)
				rests(t, e, id, plan.Canceled)
				time.Sleep(2 * 24 * time.Hour)
				checkRemoved(t, e, plan.Canceled, id, tt.removed)
			})
		})
	}
}

// A removal that fails is tried again at the next poll, and not at once.
func TestFailedRemovalWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := newEngine(t, m, cutover.Config{Executors: agedExecutors(), Retention: time.Hour, PollInterval: time.Second})
		runEngine(t, e)
		id := launch(t, e, spec("a", "b"))
		rests(t, e, id, plan.Completed)
		var tries atomic.Int64
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Remove" {
				tries.Add(1)
				return errAway
			}
			return c.Do(ctx)
		})
		time.Sleep(time.Hour + time.Minute)
		if n := tries.Load(); n < 10 || n > 90 {
			t.Errorf("%d tries in a minute", n)
		}
		m.on(nil)
		time.Sleep(time.Minute)
		checkRemoved(t, e, plan.Completed, id, true)
	})
}

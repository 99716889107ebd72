package engine

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
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

// explained checks that a task has a reason with that code, and returns it.
func explained(t *testing.T, e *cutover.Engine, id plan.ID, ordinal int, want plan.ReasonCode) plan.Reason {
	t.Helper()
	r, err := e.Explain(t.Context(), task.NewID(id, ordinal))
	if err != nil || r.Code != want || r.Task != task.NewID(id, ordinal) {
		t.Fatalf("task %d of plan %s: %s (%s), want %s; %v", ordinal, id, r.Code, r, want, err)
	}
	return r
}

// commanding returns an engine that only gives commands, for plans of executor type X.
func commanding(t *testing.T, s store.Store) *cutover.Engine {
	t.Helper()
	return newEngine(t, s, cutover.Config{Executors: executor.Registry{"X": executor.Func(untilStopped)}})
}

// A plan that holds the tenant of a task is named with its state, and only while it does.
func TestExplainNamesTheHolder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := commanding(t, memstore.New())
		first, second := launch(t, e, spec("a")), create(t, e, spec("a", "b"))
		r := explained(t, e, second, 1, plan.ReasonTenantHeld)
		if r.Holder != task.NewID(first, 1) || r.HolderState != plan.Running {
			t.Errorf("held by %+v", r)
		}
		explained(t, e, second, 2, plan.ReasonNotStarted)
		mustPlan(t)(e.Pause(t.Context(), first))
		if r := explained(t, e, second, 1, plan.ReasonTenantHeld); r.HolderState != plan.Paused {
			t.Errorf("held by %+v", r)
		}
		mustPlan(t)(e.Cancel(t.Context(), first))
		explained(t, e, second, 1, plan.ReasonNotStarted)
	})
}

// A failed task whose tenant another plan works on by now cannot be retried.
func TestExplainOfAFailedTaskWhoseTenantIsTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			switch {
			case run.Tenant().ID == "b":
				return nil
			case run.ID().Plan() == 1:
				return errors.New("fails")
			}
			return untilStopped(ctx, run)
		})})
		first := launch(t, e, parallelSpec("a", "b"))
		rests(t, e, first, plan.Completed)
		explained(t, e, first, 1, plan.ReasonFailed)
		second := launch(t, e, spec("a"))
		synctest.Wait()
		if r := explained(t, e, first, 1, plan.ReasonTenantHeld); r.Holder.Plan() != second {
			t.Errorf("held by %+v", r)
		}
		if _, err := e.RetryTask(t.Context(), task.NewID(first, 1), cutover.FromCheckpoint); !errors.Is(err, store.ErrTenantHeld) {
			t.Errorf("retried: %v", err)
		}
		mustPlan(t)(e.Cancel(t.Context(), second))
		rests(t, e, second, plan.Canceled)
		explained(t, e, first, 1, plan.ReasonFailed)
	})
}

// A start under way holds its tenants; one that shows no sign of life does not, and Explain leaves
// it as it is.
func TestExplainBesideAStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := intercept(memstore.New())
		e := commanding(t, s.inner)
		first, second := create(t, e, spec("a")), create(t, e, spec("a"))
		dying := commanding(t, s)
		var marked atomic.Bool
		s.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Apply" && marked.Swap(true) {
				<-ctx.Done() // the process freezes before it commits the start
				return ctx.Err()
			}
			return c.Do(ctx)
		})
		ctx, die := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = dying.Start(ctx, first, cutover.By("ann"))
		}()
		synctest.Wait()
		if r := explained(t, e, first, 1, plan.ReasonStarting); r.Actor != "ann" {
			t.Errorf("started by %q", r.Actor)
		}
		if r := explained(t, e, second, 1, plan.ReasonTenantHeld); r.Holder.Plan() != first || r.HolderState != plan.Created {
			t.Errorf("held by %+v", r)
		}
		time.Sleep(time.Hour)
		explained(t, e, second, 1, plan.ReasonNotStarted)
		explained(t, e, first, 1, plan.ReasonStarting)
		die()
		<-ended
		mustPlan(t)(e.Start(t.Context(), second))
		mustPlan(t)(e.Cancel(t.Context(), second))
	})
}

// A worker that holds a task is alive as long as its lease lasts.
func TestExplainNoticesLostWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := commanding(t, s)
		id := launch(t, e, spec("a"))
		if err := s.Join(t.Context(), "w1", 10*time.Second, store.Process{}); err != nil {
			t.Fatal(err)
		}
		b := store.Batch{Plan: id, Claim: store.Claim{ID: "c", Worker: "w1", Max: 1}}
		if err := s.Commit(t.Context(), &b); err != nil || len(b.Claimed) != 1 {
			t.Fatal(err)
		}
		if r := explained(t, e, id, 1, plan.ReasonRunning); r.Worker != "w1" || !r.ChangedAt.Equal(time.Now()) {
			t.Errorf("%+v", r)
		}
		mustPlan(t)(e.Pause(t.Context(), id))
		explained(t, e, id, 1, plan.ReasonStopping)
		time.Sleep(11 * time.Second)
		if r := explained(t, e, id, 1, plan.ReasonWorkerLost); r.Worker != "w1" {
			t.Errorf("%+v", r)
		}
		mustPlan(t)(e.Resume(t.Context(), id))
		explained(t, e, id, 1, plan.ReasonWorkerLost)
	})
}

// Who paused a task is known, too, if the pause took effect between two attempts.
func TestExplainNamesWhoPausedBetweenAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(context.Context, *executor.Run) error {
			time.Sleep(3 * time.Second)
			return executor.Retryable("SLOW", errors.New("slow"))
		})})
		s := spec("a")
		s.Strategy.Retry = strategy.Retry{Attempts: 3, First: time.Hour}
		id := launch(t, e, s)
		time.Sleep(time.Second)
		mustTask(t)(e.PauseTask(t.Context(), task.NewID(id, 1), cutover.By("ann"), cutover.Because("look first")))
		rests(t, e, id, plan.Running)
		if r := explained(t, e, id, 1, plan.ReasonTaskPaused); r.Actor != "ann" || r.Because != "look first" || r.Attempt != 2 {
			t.Errorf("attempt %d was paused by %q because of %q", r.Attempt, r.Actor, r.Because)
		}
	})
}

// Whoever stopped a plan or a task is named, with the reason and the time; a command that names
// nobody is not taken for an earlier one.
func TestExplainNamesWhoStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slowly := func(ctx context.Context, r *executor.Run) error {
			err := untilStopped(ctx, r)
			time.Sleep(time.Second / 10)
			return err
		}
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(slowly)})
		id := launch(t, e, parallelSpec("a", "b"))
		one := task.NewID(id, 1)
		check := func(code plan.ReasonCode, actor, because string) {
			t.Helper()
			r := explained(t, e, id, 1, code)
			if r.Actor != actor || r.Because != because || r.At.IsZero() != (actor == "") {
				t.Errorf("%s by %q at %s because of %q", code, r.Actor, r.At, r.Because)
			}
		}
		time.Sleep(time.Second)
		mustTask(t)(e.PauseTask(t.Context(), one, cutover.By("bob"), cutover.Because("look first")))
		check(plan.ReasonStopping, "bob", "look first")
		time.Sleep(2 * time.Second)
		check(plan.ReasonTaskPaused, "bob", "look first")
		mustTask(t)(e.ResumeTask(t.Context(), one))
		time.Sleep(2 * time.Second)
		mustTask(t)(e.PauseTask(t.Context(), one))
		time.Sleep(2 * time.Second)
		check(plan.ReasonTaskPaused, "", "")
		mustTask(t)(e.ResumeTask(t.Context(), one))
		time.Sleep(2 * time.Second)
		mustTask(t)(e.CancelTask(t.Context(), one, cutover.By("cat")))
		check(plan.ReasonStopping, "cat", "")
		mustTask(t)(e.ResumeTask(t.Context(), one))
		mustPlan(t)(e.Pause(t.Context(), id, cutover.By("ann"), cutover.Because("gateway is slow")))
		check(plan.ReasonStopping, "ann", "gateway is slow")
		time.Sleep(2 * time.Second)
		check(plan.ReasonPlanPaused, "ann", "gateway is slow")
	})
}

// Of a task that was paused before the oldest event that is kept, nobody knows by whom.
func TestExplainWithoutTheEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.NewWith(memstore.Config{MaxEvents: 3}), executor.Registry{"X": executor.Func(untilStopped)})
		s := parallelSpec("a", "b")
		s.Strategy.MaxConcurrency = strategy.Count(1)
		id := launch(t, e, s)
		time.Sleep(time.Second)
		mustTask(t)(e.PauseTask(t.Context(), task.NewID(id, 1), cutover.By("bob")))
		time.Sleep(2 * time.Second)
		for range 3 {
			mustTask(t)(e.PauseTask(t.Context(), task.NewID(id, 2)))
			time.Sleep(2 * time.Second)
			mustTask(t)(e.ResumeTask(t.Context(), task.NewID(id, 2)))
			time.Sleep(2 * time.Second)
		}
		if r := explained(t, e, id, 1, plan.ReasonTaskPaused); r.Actor != "" || !r.At.IsZero() {
			t.Errorf("paused by %q at %s", r.Actor, r.At)
		}
	})
}

// What cannot be read is missing, and the error says so; the reason itself is there. Without the
// plan or the task there is none.
func TestExplainWhileTheStoreIsPartlyAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := intercept(memstore.New())
		e := commanding(t, s)
		id := launch(t, e, spec("a"))
		other := create(t, e, spec("a"))
		mustPlan(t)(e.Pause(t.Context(), id, cutover.By("ann")))
		for _, tt := range []struct {
			of   plan.ID
			away string
			code plan.ReasonCode
		}{
			{other, "Locks", plan.ReasonNotStarted},
			{id, "PlanEvents", plan.ReasonPlanPaused},
		} {
			s.away(tt.away)
			r, err := e.Explain(t.Context(), task.NewID(tt.of, 1))
			if !store.Temporary(err) || r.Code != tt.code || r.Actor != "" {
				t.Errorf("%s away: %s, %v", tt.away, r.Code, err)
			}
		}
		for _, away := range []string{"Plan", "Task"} {
			s.away(away)
			if r, err := e.Explain(t.Context(), task.NewID(id, 1)); !store.Temporary(err) || r.Task != 0 {
				t.Errorf("%s away: %s, %v", away, r.Code, err)
			}
		}
		s.on(nil)
		if _, err := e.Explain(t.Context(), task.NewID(id, 2)); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
	})
}

// Who stops a task with its wave is who undoes the wave, not who started the plan.
func TestExplainNamesWhoUndoesTheWave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		executes := func(_ context.Context, run *executor.Run) error {
			if run.Tenant().ID == "a" && run.Attempt() == 1 {
				return errors.New("fails")
			}
			if run.Tenant().ID != "b" {
				time.Sleep(10 * time.Second)
			}
			return nil
		}
		var undone undoings
		e := running(t, memstore.New(), executor.Registry{"X": both{executes, undone.undo}})
		s := spec("a", "b", "c", "d", "e", "f", "g", "h", "i")
		s.Strategy.WaveSizes = []strategy.Amount{strategy.Count(2), strategy.Count(7)}
		s.Strategy.MaxFailures, s.Strategy.MaxConcurrency = strategy.Count(1), strategy.Count(3)
		id := create(t, e, s)
		mustPlan(t)(e.Start(t.Context(), id, cutover.By("ann"), cutover.Because("launch")))
		time.Sleep(5 * time.Second)
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromScratch))
		time.Sleep(10 * time.Second)
		mustPlan(t)(e.RollbackWave(t.Context(), id, 1, cutover.By("bob"), cutover.Because("bad")))
		if r := explained(t, e, id, 1, plan.ReasonStopping); r.Actor != "bob" || r.Wave != 1 || !strings.Contains(r.String(), "because of the rollback of wave 1 by bob") {
			t.Errorf("%s", r)
		}
		mustPlan(t)(e.Cancel(t.Context(), id))
		rests(t, e, id, plan.Canceled)
	})
}

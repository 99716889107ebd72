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
	"github.com/cutover-go/cutover/task"
)

// twoSteps saves twice and then calls last.
func twoSteps(last executor.Func) executor.Func {
	return func(ctx context.Context, run *executor.Run) error {
		for _, step := range []string{"one", "two"} {
			if err := run.Save(ctx, step, map[string]string{"tenant": run.Tenant().ID}); err != nil {
				return err
			}
		}
		return last(ctx, run)
	}
}

func succeed(context.Context, *executor.Run) error { return nil }

// takeASecond is for tests whose commands have to come before a task has ended.
func takeASecond(context.Context, *executor.Run) error {
	time.Sleep(time.Second)
	return nil
}

// runEngine runs e until the test ends.
func runEngine(t *testing.T, e *cutover.Engine) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestPlanCompletes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, err := cutover.New(memstore.New(), cutover.Config{
			Executors: executor.Registry{"X": twoSteps(succeed)},
		})
		if err != nil {
			t.Fatal(err)
		}
		runEngine(t, e)
		p, err := e.Create(t.Context(), plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants("a", "b", "c")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Start(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		p, err = e.Wait(t.Context(), p.ID)
		if err != nil || p.State != plan.Completed {
			t.Fatalf("Wait: %s, %v", p.State, err)
		}
		for ev, err := range e.Watch(t.Context(), p.ID, 0) {
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d %v %v %v %s %s->%s rest=%v", ev.Seq, ev.At, ev.Task, ev.Tenant, ev.Cause, ev.From, ev.To, ev.AtRest)
			if ev.AtRest && ev.Seq == p.LastEvent {
				break
			}
		}
	})
}

func TestFailureThenRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := true
		s := memstore.New()
		e, err := cutover.New(s, cutover.Config{
			Executors: executor.Registry{"X": twoSteps(func(_ context.Context, run *executor.Run) error {
				if broken && run.Tenant().ID == "b" {
					return executor.Fail("GATEWAY_TIMEOUT", errors.New("gateway timeout"))
				}
				return nil
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		runEngine(t, e)
		ctx := t.Context()
		p, err := e.Create(ctx, plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants("a", "b", "c")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Start(ctx, p.ID); err != nil {
			t.Fatal(err)
		}
		p, err = e.Wait(ctx, p.ID)
		if err != nil || p.State != plan.Failed {
			t.Fatalf("Wait: %s, %v", p.State, err)
		}
		broken = false
		ans, err := e.RetryTask(ctx, task.NewID(p.ID, 2), cutover.FromCheckpoint)
		if err != nil || ans.Unchanged {
			t.Fatalf("RetryTask: %+v, %v", ans, err)
		}
		p, err = e.Wait(ctx, p.ID)
		if err != nil || p.State != plan.Completed {
			t.Fatalf("Wait: %s, %v", p.State, err)
		}
		if _, err := e.Rollback(ctx, p.ID); !errors.Is(err, cutover.ErrCannotUndo) {
			t.Fatalf("Rollback where the executor is: %v", err)
		}
		elsewhere, err := cutover.New(s, cutover.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := elsewhere.Rollback(ctx, p.ID); err != nil {
			t.Fatal(err)
		}
		p, err = e.Wait(ctx, p.ID)
		if err != nil || p.State != plan.RollbackFailed {
			t.Fatalf("Wait: %s, %v", p.State, err)
		}
		tk, err := e.Task(ctx, task.NewID(p.ID, 2))
		if err != nil || tk.Failure == nil || tk.Failure.ErrorCode != task.CodeRollbackUnsupported {
			t.Fatalf("Task: %+v, %v", tk, err)
		}
	})
}

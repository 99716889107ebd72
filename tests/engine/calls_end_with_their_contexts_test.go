package engine

import (
	"context"
	"fmt"
	"iter"
	"reflect"
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
	"github.com/cutover-go/cutover/task"
)

// engineCalls returns all calls of an Engine by the names of its methods, except Run, which ends
// with a shutdown.
func engineCalls(id plan.ID) map[string]func(context.Context, *cutover.Engine) {
	first := task.NewID(id, 1)
	return map[string]func(context.Context, *cutover.Engine){
		"AddTenants": func(ctx context.Context, e *cutover.Engine) {
			_, _ = e.AddTenants(ctx, id, plan.Tenants("added", "too"))
		},
		"AllPlans": func(ctx context.Context, e *cutover.Engine) { walk(e.AllPlans(ctx, store.PlanQuery{})) },
		"AllTasks": func(ctx context.Context, e *cutover.Engine) { walk(e.AllTasks(ctx, id, store.TaskQuery{})) },
		"CanUndo":  func(_ context.Context, e *cutover.Engine) { _ = e.CanUndo("X") },
		"Cancel":   func(ctx context.Context, e *cutover.Engine) { _, _ = e.Cancel(ctx, id) },
		"Approve":  func(ctx context.Context, e *cutover.Engine) { _, _ = e.Approve(ctx, id, 0) },
		"Reject":   func(ctx context.Context, e *cutover.Engine) { _, _ = e.Reject(ctx, id, 0) },
		"Note": func(ctx context.Context, e *cutover.Engine) {
			_, _ = e.Note(ctx, id, cutover.Because("r"))
		},
		"Tune": func(ctx context.Context, e *cutover.Engine) {
			_, _ = e.Tune(ctx, id, strategy.Tuning{MaxConcurrency: strategy.Count(2)})
		},
		"CancelTask": func(ctx context.Context, e *cutover.Engine) { _, _ = e.CancelTask(ctx, first) },
		"Create": func(ctx context.Context, e *cutover.Engine) {
			if _, err := e.Create(ctx, spec("new")); ctx.Err() != nil && err != nil {
				return
			}
			_, _ = e.Create(ctx, fromSequence(spec("new", "too"), nil))
		},
		"EnsureStarted": func(ctx context.Context, e *cutover.Engine) {
			s := spec("ensured")
			s.IdempotencyKey = "key"
			_, _ = e.EnsureStarted(ctx, s)
		},
		"Events":  func(ctx context.Context, e *cutover.Engine) { _, _ = e.Events(ctx, id, 0, 10) },
		"Explain": func(ctx context.Context, e *cutover.Engine) { _, _ = e.Explain(ctx, first) },
		"Lookup": func(ctx context.Context, e *cutover.Engine) {
			if _, err := e.Lookup().Workers(ctx, "", 0); ctx.Err() != nil && err != nil {
				return
			}
			if _, _, err := e.Lookup().Worker(ctx, "w", nil); ctx.Err() != nil && err != nil {
				return
			}
			if _, err := e.Lookup().Overdue(ctx); ctx.Err() != nil && err != nil {
				return
			}
			if _, err := e.Lookup().Tenant(ctx, "a", cutover.TenantPosition{}); ctx.Err() != nil && err != nil {
				return
			}
			_, _ = e.Lookup().Labels(ctx, map[string]string{"a": "b"}, cutover.TenantPosition{})
		},
		"Pause":        func(ctx context.Context, e *cutover.Engine) { _, _ = e.Pause(ctx, id) },
		"PauseTask":    func(ctx context.Context, e *cutover.Engine) { _, _ = e.PauseTask(ctx, first) },
		"Plan":         func(ctx context.Context, e *cutover.Engine) { _, _ = e.Plan(ctx, id) },
		"PlanEvents":   func(ctx context.Context, e *cutover.Engine) { _, _ = e.PlanEvents(ctx, id, 0, 10) },
		"Plans":        func(ctx context.Context, e *cutover.Engine) { _, _ = e.Plans(ctx, store.PlanQuery{}) },
		"Ready":        func(ctx context.Context, e *cutover.Engine) { _ = e.Ready(ctx) },
		"Remove":       func(ctx context.Context, e *cutover.Engine) { _ = e.Remove(ctx, id) },
		"Resume":       func(ctx context.Context, e *cutover.Engine) { _, _ = e.Resume(ctx, id) },
		"ResumeTask":   func(ctx context.Context, e *cutover.Engine) { _, _ = e.ResumeTask(ctx, first) },
		"RetryFailed":  func(ctx context.Context, e *cutover.Engine) { _, _ = e.RetryFailed(ctx, id, cutover.FromScratch) },
		"RetryTask":    func(ctx context.Context, e *cutover.Engine) { _, _ = e.RetryTask(ctx, first, cutover.FromScratch) },
		"Rollback":     func(ctx context.Context, e *cutover.Engine) { _, _ = e.Rollback(ctx, id) },
		"RollbackWave": func(ctx context.Context, e *cutover.Engine) { _, _ = e.RollbackWave(ctx, id, 1) },
		"RollbackTask": func(ctx context.Context, e *cutover.Engine) {
			_, _ = e.RollbackTask(ctx, first)
		},
		"Select": func(ctx context.Context, e *cutover.Engine) {
			all := e.Select(id, task.Filter{})
			for _, call := range []func(context.Context, ...cutover.TasksOption) (cutover.TasksResult, error){
				all.Pause, all.Resume, all.Cancel, all.Skip, all.Rollback,
			} {
				if _, err := call(ctx); ctx.Err() != nil && err != nil {
					return
				}
			}
			_, _ = all.Retry(ctx, cutover.FromScratch)
			_, _, _ = all.Tasks(ctx, 0, 0)
		},
		"SkipTask": func(ctx context.Context, e *cutover.Engine) { _, _ = e.SkipTask(ctx, first, cutover.Because("reason")) },
		"Start":    func(ctx context.Context, e *cutover.Engine) { _, _ = e.Start(ctx, id) },
		"States":   func(ctx context.Context, e *cutover.Engine) { _, _ = e.States(ctx, id, 0, 0) },
		"Subscriptions": func(ctx context.Context, e *cutover.Engine) {
			s := e.Subscriptions()
			_, _ = s.Subscribe(ctx, "mail", false)
			_, _ = s.Cursor(ctx, id, "mail", "me", time.Minute)
			s.Listen(ctx, func(plan.ID) {})
		},
		"Task":    func(ctx context.Context, e *cutover.Engine) { _, _ = e.Task(ctx, first) },
		"Tasks":   func(ctx context.Context, e *cutover.Engine) { _, _, _ = e.Tasks(ctx, id, store.TaskQuery{}) },
		"Tenants": func(ctx context.Context, e *cutover.Engine) { _, _ = e.Tenants(ctx, id, 0, 0) },
		"Wait":    func(ctx context.Context, e *cutover.Engine) { _, _ = e.Wait(ctx, id) },
		"Watch":   func(ctx context.Context, e *cutover.Engine) { walk(e.Watch(ctx, id, 0)) },
	}
}

// walk reads a sequence until the first error.
func walk[T any](all iter.Seq2[T, error]) {
	for _, err := range all {
		if err != nil {
			return
		}
	}
}

// TestCallsEndWithTheirContexts: every call of an engine returns within 50 ms after its context was
// canceled or its deadline passed, no matter at which step of the call the store stops answering or
// begins to answer only with temporary errors.
func TestCallsEndWithTheirContexts(t *testing.T) {
	t.Parallel()
	typ := reflect.TypeFor[*cutover.Engine]()
	for i := range typ.NumMethod() {
		name := typ.Method(i).Name
		if name != "Run" && engineCalls(1)[name] == nil {
			t.Errorf("no call of %s", name)
		}
	}
	const soon = time.Second
	ends := map[string]func(context.Context) (context.Context, context.CancelFunc){
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, soon)
		},
		"cancel": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(soon, cancel)
			return ctx, cancel
		},
	}
	faults := map[string]storetest.FaultConfig{
		"silent": {Delay: 0.5, MaxDelay: 1e4 * time.Hour},
		"away":   {Before: 0.7},
		"both":   {Before: 0.3, After: 0.2, Delay: 0.3, MaxDelay: 1e4 * time.Hour},
	}
	for what, fault := range faults {
		for how, end := range ends {
			t.Run(what+" until "+how, func(t *testing.T) {
				t.Parallel()
				for _, seed := range sample.Of(t, 2, 25) {
					own := fault // the subtests share fault
					own.Seed = seed
					synctest.Test(t, func(t *testing.T) { endEach(t, own, end) })
				}
			})
		}
	}
}

// endEach makes each call over a separate store with one plan.
func endEach(t *testing.T, fault storetest.FaultConfig, end func(context.Context) (context.Context, context.CancelFunc)) {
	t.Helper()
	for name := range engineCalls(1) {
		faulty := storetest.Faulty(memstore.New(), fault)
		faulty.Disarm()
		// Not newEngine, which checks for leaked locks: an abandoned start leaves locks until a
		// running engine releases them.
		e, err := cutover.New(faulty, cutover.Config{Executors: executor.Registry{"X": executor.Func(func(context.Context, *executor.Run) error { return nil })}})
		if err != nil {
			t.Fatal(err)
		}
		id := create(t, e, spec("a", "b"))
		if name != "Start" {
			mustPlan(t)(e.Start(t.Context(), id))
		}
		if name == "Resume" {
			mustPlan(t)(e.Pause(t.Context(), id))
		}
		faulty.Arm()
		ctx, cancel := end(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			engineCalls(id)[name](ctx, e)
		}()
		select {
		case <-done:
		case <-ctx.Done():
			ended := time.Now()
			<-done
			if took := time.Since(ended); took > 50*time.Millisecond {
				t.Error(fmt.Sprint(name, " with seed ", fault.Seed), "returned", took, "after the end of its context")
			}
		}
		cancel()
	}
}

package engine

import (
	"context"
	"errors"
	"flag"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// newEngine returns an engine that is not running yet.
func newEngine(t *testing.T, s store.Store, c cutover.Config) *cutover.Engine {
	t.Helper()
	watchLocks(t, s)
	if *withoutHints {
		s = hintless{s}
	}
	e, err := cutover.New(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// withoutHints runs the tests without the hints of stores, to show that hints only save time.
var withoutHints = flag.Bool("deaf", false, "let no hint of a store through")

// hintless is a store that delivers no hints.
type hintless struct{ store.Store }

func (hintless) Listen(ctx context.Context, _ func(store.Hint)) error {
	<-ctx.Done()
	return ctx.Err()
}

// running returns an engine that runs until the test ends.
func running(t *testing.T, s store.Store, x executor.Registry) *cutover.Engine {
	t.Helper()
	e := newEngine(t, s, cutover.Config{Executors: x})
	runEngine(t, e)
	return e
}

// process is an engine that the test itself stops or abandons.
type process struct {
	*cutover.Engine
	stop func()
	done chan error
}

// startProcess runs an engine until stop is called, at the latest when the test ends.
func startProcess(t *testing.T, s store.Store, c cutover.Config) *process {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	p := &process{Engine: newEngine(t, s, c), stop: stop, done: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.done <- p.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return p
}

// end shuts the process down and waits for it.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.stop()
	if err := <-p.done; err != nil {
		t.Fatal(err)
	}
}

// spec returns a spec of executor type X.
func spec(tenants ...string) plan.Spec {
	return plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants(tenants...)}
}

// parallelSpec returns a spec whose tasks all run at the same time.
func parallelSpec(tenants ...string) plan.Spec {
	s := spec(tenants...)
	s.Strategy = strategy.Strategy{MaxConcurrency: strategy.Percent(100), MaxFailures: strategy.Percent(100)}
	return s
}

func create(t *testing.T, e *cutover.Engine, s plan.Spec) plan.ID {
	t.Helper()
	p, err := e.Create(t.Context(), s, cutover.ExecutorElsewhere())
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// launch creates a plan and starts it.
func launch(t *testing.T, e *cutover.Engine, s plan.Spec) plan.ID {
	t.Helper()
	id := create(t, e, s)
	mustPlan(t)(e.Start(t.Context(), id))
	return id
}

// mustPlan returns a check that a plan command was applied.
func mustPlan(t *testing.T) func(cutover.PlanResult, error) {
	t.Helper()
	return func(a cutover.PlanResult, err error) {
		t.Helper()
		if err != nil || a.Unchanged {
			t.Fatalf("plan command: unchanged %t, %v", a.Unchanged, err)
		}
	}
}

// mustTask returns a check that a task command was applied.
func mustTask(t *testing.T) func(cutover.TaskResult, error) {
	t.Helper()
	return func(a cutover.TaskResult, err error) {
		t.Helper()
		if err != nil || a.Unchanged {
			t.Fatalf("task command: unchanged %t, %v", a.Unchanged, err)
		}
	}
}

// rests waits until the plan is at rest, checks that its state is want, and returns it.
func rests(t *testing.T, e *cutover.Engine, id plan.ID, want plan.State) plan.Plan {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 48*time.Hour)
	defer cancel()
	p, err := e.Wait(ctx, id)
	if err != nil || p.State != want {
		t.Fatalf("plan %s: %s with %v, want %s; %v", id, p.State, p.Counters, want, err)
	}
	return p
}

func taskOf(t *testing.T, e *cutover.Engine, id plan.ID, ordinal int) task.Task {
	t.Helper()
	tk, err := e.Task(t.Context(), task.NewID(id, ordinal))
	if err != nil {
		t.Fatal(err)
	}
	return tk
}

// ends checks that the state of the task is want and that its failure has the code, "" for no
// failure. It returns the task.
func ends(t *testing.T, e *cutover.Engine, id plan.ID, ordinal int, want task.State, code string) task.Task {
	t.Helper()
	tk := taskOf(t, e, id, ordinal)
	got := ""
	if tk.Failure != nil {
		got = tk.Failure.ErrorCode
	}
	if tk.State != want || got != code {
		t.Fatalf("task %s: %s, failure %+v, want %s with code %q", tk.ID, tk.State, tk.Failure, want, code)
	}
	return tk
}

// both is an executor with a rollback.
type both struct {
	executor.Func
	undo executor.Func
}

// Rollback implements executor.Rollbacker.
func (b both) Rollback(ctx context.Context, run *executor.Run) error { return b.undo(ctx, run) }

// untilStopped saves one step after the other until a save returns ErrStopped.
func untilStopped(ctx context.Context, run *executor.Run) error {
	for n := 0; ; n++ {
		if err := run.Save(ctx, "tick", n); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}

// untilInterrupted never saves; it returns when its context ends.
func untilInterrupted(ctx context.Context, _ *executor.Run) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// errAway is the temporary error of a store that cannot be reached.
var errAway = &store.TemporaryError{Err: errors.New("away")}

// interceptedStore is a store whose calls a test can make fail, delay or lose.
type interceptedStore struct {
	store.Store
	inner       store.Store // the same store without the interceptor
	interceptor atomic.Pointer[storetest.Interceptor]
}

func intercept(s store.Store) *interceptedStore {
	m := &interceptedStore{inner: s}
	m.Store = storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
		if f := m.interceptor.Load(); f != nil {
			return (*f)(ctx, c)
		}
		return c.Do(ctx)
	})
	return m
}

// on passes every call from now on to f. If f is nil, the calls go directly to the store.
func (m *interceptedStore) on(f storetest.Interceptor) {
	if f == nil {
		m.interceptor.Store(nil)
		return
	}
	m.interceptor.Store(&f)
}

// away makes the store unreachable, for the named methods or, if there are none, for all.
func (m *interceptedStore) away(methods ...string) {
	m.on(func(ctx context.Context, c storetest.Call) error {
		if len(methods) == 0 || slices.Contains(methods, c.Method) {
			return errAway
		}
		return c.Do(ctx)
	})
}

// counting returns a store over s that counts the calls of a method in n, for tests in
// which no two calls are made at the same time.
func counting(s store.Store, method string, n *int) store.Store {
	return storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
		if c.Method == method {
			*n++
		}
		return c.Do(ctx)
	})
}

// untilFailed fails immediately.
func untilFailed(context.Context, *executor.Run) error { return errors.New("fails") }

package cutover_test

import (
	"context"
	"errors"
	"flag"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// newEngine returns an engine that does not run yet.
func newEngine(t *testing.T, s store.Store, c cutover.Config) *cutover.Engine {
	t.Helper()
	watchLocks(t, s)
	if *withoutHints {
		s = deaf{s}
	}
	e, err := cutover.New(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// withoutHints shows that hints only make things faster.
var withoutHints = flag.Bool("deaf", false, "let no hint of a store through")

// deaf is a store whose hints are all lost.
type deaf struct{ store.Store }

func (deaf) Listen(ctx context.Context, _ func(plan.ID)) error {
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

// process is an engine that a test stops or abandons by itself.
type process struct {
	*cutover.Engine
	stop func()
	done chan error
}

// boot runs an engine until stop is called, at the latest when the test ends.
func boot(t *testing.T, s store.Store, c cutover.Config) *process {
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

// spec is a plan of executor type X.
func spec(tenants ...string) plan.Spec {
	return plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants(tenants...)}
}

// wide is a spec whose tasks all run at once.
func wide(tenants ...string) plan.Spec {
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
func mustPlan(t *testing.T) func(cutover.PlanAnswer, error) {
	t.Helper()
	return func(a cutover.PlanAnswer, err error) {
		t.Helper()
		if err != nil || a.AlreadySo {
			t.Fatalf("plan command: already so %t, %v", a.AlreadySo, err)
		}
	}
}

// mustTask returns a check that a task command was applied.
func mustTask(t *testing.T) func(cutover.TaskAnswer, error) {
	t.Helper()
	return func(a cutover.TaskAnswer, err error) {
		t.Helper()
		if err != nil || a.AlreadySo {
			t.Fatalf("task command: already so %t, %v", a.AlreadySo, err)
		}
	}
}

// rests waits for the plan to come to rest in that state.
func rests(t *testing.T, e *cutover.Engine, id plan.ID, want plan.State) plan.Plan {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
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

// ends checks that the task is in that state with a failure of that code, "" for
// none, and returns it.
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

// untilStopped saves one tick after the other until it is told to stop.
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

// untilInterrupted never comes to a boundary.
func untilInterrupted(ctx context.Context, _ *executor.Run) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// errAway is the passing fault of a store that cannot be reached.
var errAway = &store.TemporaryError{Err: errors.New("away")}

// meddler is a store whose calls a test fails, holds up and loses.
type meddler struct {
	store.Store
	meddle atomic.Pointer[func(context.Context, call) error]
}

// call is one call of the store.
type call struct {
	op string
	// do makes the call.
	do func() error
	// What it is made with, where a test needs it.
	batch   *store.Batch
	command *store.Command
	locks   []store.TenantLock
	worker  string
	plan    plan.ID
}

// on lets f make every call from now on, or not; nil lets them all pass.
func (m *meddler) on(f func(ctx context.Context, c call) error) {
	if f == nil {
		m.meddle.Store(nil)
		return
	}
	m.meddle.Store(&f)
}

// away makes the store unreachable, for the named calls or for all.
func (m *meddler) away(ops ...string) {
	m.on(func(_ context.Context, c call) error {
		for _, op := range ops {
			if op == c.op {
				return errAway
			}
		}
		if len(ops) == 0 {
			return errAway
		}
		return c.do()
	})
}

func (m *meddler) pass(ctx context.Context, c call) error {
	if f := m.meddle.Load(); f != nil {
		return (*f)(ctx, c)
	}
	return c.do()
}

func (m *meddler) BeginCreate(ctx context.Context, c store.Create) (r store.Creation, err error) {
	err = m.pass(ctx, call{op: "BeginCreate", do: func() (err error) { r, err = m.Store.BeginCreate(ctx, c); return err }})
	return r, err
}

func (m *meddler) AddTenants(ctx context.Context, c store.Creation, first int, ts []task.Tenant) error {
	return m.pass(ctx, call{op: "AddTenants", do: func() error { return m.Store.AddTenants(ctx, c, first, ts) }})
}

func (m *meddler) FinishCreate(ctx context.Context, c store.Creation) error {
	return m.pass(ctx, call{op: "FinishCreate", do: func() error { return m.Store.FinishCreate(ctx, c) }})
}

func (m *meddler) Remove(ctx context.Context, id plan.ID) (more bool, err error) {
	err = m.pass(ctx, call{op: "Remove", do: func() (err error) { more, err = m.Store.Remove(ctx, id); return err }})
	return more, err
}

func (m *meddler) Commit(ctx context.Context, b *store.Batch) error {
	op := "Commit"
	if len(b.Works) == 0 {
		op = "Claim"
	}
	return m.pass(ctx, call{op: op, batch: b, do: func() error { return m.Store.Commit(ctx, b) }})
}

func (m *meddler) Apply(ctx context.Context, c store.Command) (a store.Applied, err error) {
	err = m.pass(ctx, call{op: "Apply", command: &c, do: func() (err error) { a, err = m.Store.Apply(ctx, c); return err }})
	return a, err
}

func (m *meddler) Join(ctx context.Context, inc string, ttl time.Duration) error {
	return m.pass(ctx, call{op: "Join", worker: inc, do: func() error { return m.Store.Join(ctx, inc, ttl) }})
}

func (m *meddler) Heartbeat(ctx context.Context, inc string, ttl time.Duration, plans []plan.ID) (h []store.Holding, err error) {
	err = m.pass(ctx, call{op: "Heartbeat", worker: inc, do: func() (err error) {
		h, err = m.Store.Heartbeat(ctx, inc, ttl, plans)
		return err
	}})
	return h, err
}

func (m *meddler) Leave(ctx context.Context, inc string) error {
	return m.pass(ctx, call{op: "Leave", worker: inc, do: func() error { return m.Store.Leave(ctx, inc) }})
}

func (m *meddler) Orphans(ctx context.Context, id plan.ID) (h []store.Holding, err error) {
	err = m.pass(ctx, call{op: "Orphans", do: func() (err error) { h, err = m.Store.Orphans(ctx, id); return err }})
	return h, err
}

func (m *meddler) Reserve(ctx context.Context, l []store.TenantLock) (held []store.TenantLock, err error) {
	err = m.pass(ctx, call{op: "Reserve", locks: l, do: func() (err error) { held, err = m.Store.Reserve(ctx, l); return err }})
	return held, err
}

func (m *meddler) Locks(ctx context.Context, tenants []string) (found []store.TenantLock, err error) {
	err = m.pass(ctx, call{op: "Locks", do: func() (err error) { found, err = m.Store.Locks(ctx, tenants); return err }})
	return found, err
}

func (m *meddler) Replace(ctx context.Context, old, next store.TenantLock) (done bool, err error) {
	err = m.pass(ctx, call{op: "Replace", locks: []store.TenantLock{old, next}, do: func() (err error) {
		done, err = m.Store.Replace(ctx, old, next)
		return err
	}})
	return done, err
}

func (m *meddler) Release(ctx context.Context, l []store.TenantLock) error {
	return m.pass(ctx, call{op: "Release", locks: l, do: func() error { return m.Store.Release(ctx, l) }})
}

func (m *meddler) Due(ctx context.Context, limit int) (due []store.DuePlan, err error) {
	err = m.pass(ctx, call{op: "Due", do: func() (err error) { due, err = m.Store.Due(ctx, limit); return err }})
	return due, err
}

func (m *meddler) Rest(ctx context.Context, id plan.ID, stamp uint64, after time.Duration) error {
	return m.pass(ctx, call{op: "Rest", do: func() error { return m.Store.Rest(ctx, id, stamp, after) }})
}

func (m *meddler) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	return m.pass(ctx, call{op: "Remind", do: func() error { return m.Store.Remind(ctx, plans) }})
}

func (m *meddler) Plans(ctx context.Context, q store.PlanQuery) (plans []plan.Plan, err error) {
	err = m.pass(ctx, call{op: "Plans", do: func() (err error) { plans, err = m.Store.Plans(ctx, q); return err }})
	return plans, err
}

func (m *meddler) Plan(ctx context.Context, id plan.ID) (p plan.Plan, err error) {
	err = m.pass(ctx, call{op: "Plan", plan: id, do: func() (err error) { p, err = m.Store.Plan(ctx, id); return err }})
	return p, err
}

func (m *meddler) Task(ctx context.Context, id task.ID) (tk task.Task, err error) {
	err = m.pass(ctx, call{op: "Task", do: func() (err error) { tk, err = m.Store.Task(ctx, id); return err }})
	return tk, err
}

func (m *meddler) TasksAt(ctx context.Context, id plan.ID, ordinals []int) (ts []task.Task, err error) {
	err = m.pass(ctx, call{op: "TasksAt", plan: id, do: func() (err error) { ts, err = m.Store.TasksAt(ctx, id, ordinals); return err }})
	return ts, err
}

func (m *meddler) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) (ts []task.Task, next int, err error) {
	err = m.pass(ctx, call{op: "Tasks", do: func() (err error) { ts, next, err = m.Store.Tasks(ctx, id, q); return err }})
	return ts, next, err
}

func (m *meddler) States(ctx context.Context, id plan.ID, after, limit int) (s []task.State, err error) {
	err = m.pass(ctx, call{op: "States", do: func() (err error) { s, err = m.Store.States(ctx, id, after, limit); return err }})
	return s, err
}

func (m *meddler) Tenants(ctx context.Context, id plan.ID, after, limit int) (ts []string, err error) {
	err = m.pass(ctx, call{op: "Tenants", do: func() (err error) { ts, err = m.Store.Tenants(ctx, id, after, limit); return err }})
	return ts, err
}

func (m *meddler) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) (ev []plan.Event, err error) {
	err = m.pass(ctx, call{op: "PlanEvents", do: func() (err error) { ev, err = m.Store.PlanEvents(ctx, id, after, limit); return err }})
	return ev, err
}

func (m *meddler) Events(ctx context.Context, id plan.ID, after int64, limit int) (ev []plan.Event, err error) {
	err = m.pass(ctx, call{op: "Events", do: func() (err error) { ev, err = m.Store.Events(ctx, id, after, limit); return err }})
	return ev, err
}

// untilFailed fails at once.
func untilFailed(context.Context, *executor.Run) error { return errors.New("fails") }

package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

// exclusive is an executor that detects when two runs work on a tenant at the same time.
type exclusive struct {
	mu      sync.Mutex
	working map[string]plan.ID
	clashes []string
	runs    int
}

func (x *exclusive) Execute(_ context.Context, run *executor.Run) error {
	x.enter(run)
	time.Sleep(time.Second)
	x.leave(run)
	if run.Tenant().Labels["fails"] != "" && run.Attempt() == 1 {
		return errors.New("fails")
	}
	return nil
}

func (x *exclusive) Rollback(_ context.Context, run *executor.Run) error {
	x.enter(run)
	time.Sleep(time.Second)
	x.leave(run)
	return nil
}

// quick is an exclusive executor whose runs take no time of their own.
type quick struct{ *exclusive }

func (q quick) Execute(_ context.Context, run *executor.Run) error {
	q.enter(run)
	q.leave(run)
	return nil
}

func (q quick) Rollback(ctx context.Context, run *executor.Run) error { return q.Execute(ctx, run) }

func (x *exclusive) enter(run *executor.Run) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.working == nil {
		x.working = make(map[string]plan.ID)
	}
	tenant, id := run.Tenant().ID, run.ID().Plan()
	if other, busy := x.working[tenant]; busy {
		x.clashes = append(x.clashes, fmt.Sprintf("%s by plans %s and %s", tenant, other, id))
	}
	x.working[tenant] = id
	x.runs++
}

func (x *exclusive) leave(run *executor.Run) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.working, run.Tenant().ID)
}

// count returns how many runs there were.
func (x *exclusive) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.runs
}

func (x *exclusive) check(t *testing.T) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.clashes) > 0 {
		t.Errorf("worked on at once: %v", x.clashes)
	}
}

// heldBy returns the plans that an error names as holders of tenants, by tenant.
func heldBy(t *testing.T, err error) map[string]plan.ID {
	t.Helper()
	var e *store.TenantHeldError
	if !errors.As(err, &e) || !errors.Is(err, store.ErrTenantHeld) {
		t.Fatalf("%v, want tenants held", err)
	}
	by := make(map[string]plan.ID)
	for _, l := range e.Held {
		by[l.Tenant] = l.Plan
	}
	return by
}

// A start locks all tenants or none. Its error names the held tenants of all batches, up to 100,
// each with the plan that holds the tenant.
func TestStartTakesAllOrNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{})
		ctx := t.Context()
		many := tenantsOf("t", 350)
		first := launch(t, e, spec(many[5], many[349]))
		second := launch(t, e, spec(many[200]))
		pending := create(t, e, spec(many...))
		a, err := e.Start(ctx, pending)
		want := map[string]plan.ID{many[5]: first, many[200]: second, many[349]: first}
		if got := heldBy(t, err); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("held %v, want %v", got, want)
		}
		if p, err := e.Plan(ctx, pending); err != nil || p.State != plan.Created || p.Starting != nil || a.Plan.ID != pending {
			t.Errorf("%s, starting %v, %v", p.State, p.Starting, err)
		}
		// The start that was refused left no tenant locked.
		free := append(append(many[:5:5], many[6:200]...), many[201:349]...)
		launch(t, e, spec(free...))
		mustPlan(t)(e.Cancel(ctx, first))
		mustPlan(t)(e.Cancel(ctx, second))
		if _, err := e.Start(ctx, pending); len(heldBy(t, err)) != 100 {
			t.Errorf("%d of 347 tenants are named, want 100", len(heldBy(t, err)))
		}
	})
}

// A start takes over stale locks on its tenants, whether or not an engine runs that would release
// them.
func TestStaleLocks(t *testing.T) {
	t.Parallel()
	tests := map[string]func(ctx context.Context, t *testing.T, e *cutover.Engine, m *interceptedStore, id plan.ID){
		"of a cancelled plan": func(ctx context.Context, t *testing.T, e *cutover.Engine, _ *interceptedStore, id plan.ID) {
			t.Helper()
			mustPlan(t)(e.Start(ctx, id))
			mustPlan(t)(e.Cancel(ctx, id))
		},
		"of skipped tasks": func(ctx context.Context, t *testing.T, e *cutover.Engine, _ *interceptedStore, id plan.ID) {
			t.Helper()
			mustPlan(t)(e.Start(ctx, id))
			for ordinal := range 2 {
				mustTask(t)(e.SkipTask(ctx, task.NewID(id, ordinal+1)))
			}
		},
		"of a start whose process died": func(ctx context.Context, t *testing.T, e *cutover.Engine, m *interceptedStore, id plan.ID) {
			t.Helper()
			m.on(func(ctx context.Context, c storetest.Call) error {
				if c.Method == "Apply" && c.Command.Plan.Starting == nil {
					return errors.New("died")
				}
				return c.Do(ctx)
			})
			if _, err := e.Start(ctx, id); err == nil {
				t.Fatal("started")
			}
			m.on(nil)
			if p, err := e.Plan(ctx, id); err != nil || p.Starting == nil {
				t.Fatalf("%+v, %v", p, err)
			}
			if _, err := e.Start(ctx, id); !errors.Is(err, cutover.ErrStarting) {
				t.Fatalf("another start: %v", err)
			}
			time.Sleep(time.Minute)
		},
		"of a plan cancelled during its start": func(ctx context.Context, t *testing.T, e *cutover.Engine, m *interceptedStore, id plan.ID) {
			t.Helper()
			m.on(func(ctx context.Context, c storetest.Call) error {
				if c.Method == "Reserve" {
					m.on(nil)
					mustPlan(t)(e.Cancel(ctx, id))
				}
				return c.Do(ctx)
			})
			if _, err := e.Start(ctx, id); !errors.Is(err, plan.ErrNotApplicable) {
				t.Fatalf("start of a plan that was cancelled meanwhile: %v", err)
			}
		},
	}
	for name, leave := range tests {
		for _, tidy := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, an engine running %t", name, tidy), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					m := intercept(memstore.New())
					e := newEngine(t, m, cutover.Config{})
					if tidy {
						runEngine(t, newEngine(t, m.inner, cutover.Config{}))
					}
					id := create(t, e, spec("a", "b"))
					leave(t.Context(), t, e, m, id)
					other := newEngine(t, m.inner, cutover.Config{})
					launch(t, other, spec("b", "a", "c"))
				})
			})
		}
	}
}

// While another plan holds the tenant of a failed task, RetryTask and RollbackTask are refused,
// RetryFailed leaves the task FAILED, and a rollback of the plan makes the task ROLLBACK_FAILED.
// When the other plan is over, a second rollback succeeds.
func TestCommandsOnHeldTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exclusive{}
		e := running(t, memstore.New(), executor.Registry{"X": x, "SLOW": executor.Func(untilStopped)})
		ctx := t.Context()
		s := parallelSpec("done", "failed")
		s.Tenants[1].Labels = map[string]string{"fails": "yes"}
		old := launch(t, e, s)
		rests(t, e, old, plan.Completed)
		slow := spec("done", "failed")
		slow.ExecutorType, slow.Strategy.MaxConcurrency = "SLOW", parallelSpec().Strategy.MaxConcurrency
		newer := launch(t, e, slow)
		time.Sleep(time.Second)
		_, err := e.RetryTask(ctx, task.NewID(old, 2), cutover.FromCheckpoint)
		if by := heldBy(t, err); by["failed"] != newer {
			t.Errorf("held by %v", by)
		}
		for ordinal := range 2 {
			_, err = e.RollbackTask(ctx, task.NewID(old, ordinal+1))
			if by := heldBy(t, err); len(by) != 1 {
				t.Errorf("held by %v", by)
			}
		}
		if a, err := e.RetryFailed(ctx, old, cutover.FromCheckpoint); err != nil || a.Unchanged {
			t.Errorf("%+v, %v", a, err)
		}
		rests(t, e, old, plan.Completed) // a task whose tenant another plan holds stays failed
		ends(t, e, old, 2, task.Failed, executor.CodeExecutorFailed)

		mustPlan(t)(e.Rollback(ctx, old))
		rests(t, e, old, plan.RollbackFailed)
		ends(t, e, old, 1, task.RollbackFailed, task.CodeTenantHeld)
		if tk := ends(t, e, old, 2, task.RollbackFailed, task.CodeTenantHeld); tk.Failure.Reason != "another plan works on the tenant" {
			t.Errorf("the failure says %q", tk.Failure.Reason) // not which: who views the one plan need not view the other
		}

		mustPlan(t)(e.Cancel(ctx, newer))
		rests(t, e, newer, plan.Canceled)
		mustPlan(t)(e.Rollback(ctx, old))
		rests(t, e, old, plan.RolledBack)
		x.check(t)
	})
}

// Plans over the same tenants never work on a tenant at the same time, even if several processes
// start, retry and roll them back concurrently.
func TestTenantsAreWorkedOnOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		x := &exclusive{}
		var engines []*cutover.Engine
		for range 3 {
			engines = append(engines, running(t, s, executor.Registry{"X": x}))
		}
		tenants := tenantsOf("t", 8)
		var wg sync.WaitGroup
		var started atomic.Int64
		for i := range 24 {
			wg.Go(func() {
				e := engines[i%3]
				sp := parallelSpec(tenants[i%8], tenants[(i+1)%8], tenants[(i+3)%8])
				sp.Tenants[0].Labels = map[string]string{"fails": "yes"}
				id := create(t, e, sp)
				for range 40 {
					if _, err := e.Start(t.Context(), id); err == nil {
						started.Add(1)
						break
					}
					time.Sleep(time.Duration(300+100*i) * time.Millisecond)
				}
				time.Sleep(time.Duration(700+90*i) * time.Millisecond)
				_, _ = e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint)
				_, _ = engines[(i+1)%3].RetryFailed(t.Context(), id, task.FromScratch)
				time.Sleep(time.Duration(200*i) * time.Millisecond)
				if i%2 == 0 {
					_, _ = e.Rollback(t.Context(), id)
				} else {
					_, _ = engines[(i+1)%3].RollbackTask(t.Context(), task.NewID(id, 2))
				}
			})
		}
		wg.Wait()
		time.Sleep(5 * time.Minute)
		x.check(t)
		// A plan whose rollback failed keeps its tenants, so some of the plans may not have
		// started.
		if started.Load() < 12 || x.runs < 12*3 {
			t.Errorf("%d plans started, %d runs", started.Load(), x.runs)
		}
	})
}

// Of several concurrent starts of one plan exactly one is carried out.
func TestStartTwiceAtOnce(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	engines := []*cutover.Engine{newEngine(t, s, cutover.Config{}), newEngine(t, s, cutover.Config{})}
	for range 50 {
		id := create(t, engines[0], spec(tenantsOf(fmt.Sprint(time.Now()), 120)...))
		var applied, others atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				a, err := engines[i%2].Start(t.Context(), id)
				switch {
				case err == nil && !a.Unchanged:
					applied.Add(1)
				case err == nil || errors.Is(err, cutover.ErrStarting):
					others.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if applied.Load() != 1 || others.Load() != 7 {
			t.Fatalf("applied %d times, %d others", applied.Load(), others.Load())
		}
		mustPlan(t)(engines[0].Cancel(t.Context(), id))
	}
}

// If the tenant of an undo cannot be locked because of a permanent error, the undo fails with
// INTERNAL and is not repeated.
func TestBrokenLocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := running(t, m, executor.Registry{"X": both{twoSteps(succeed), succeed}})
		id := launch(t, e, spec("a"))
		rests(t, e, id, plan.Completed)
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Reserve" {
				return &store.CorruptError{Key: "tenant a", Reason: "not a lock"}
			}
			return c.Do(ctx)
		})
		mustPlan(t)(e.Rollback(t.Context(), id))
		rests(t, e, id, plan.RollbackFailed)
		ends(t, e, id, 1, task.RollbackFailed, task.CodeInternal)
	})
}

// A skip releases the tenant of its task even if no engine runs.
func TestSkipReleasesTheTenant(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	e := newEngine(t, s, cutover.Config{})
	id := create(t, e, spec("a", "b"))
	mustPlan(t)(e.Start(t.Context(), id))
	mustTask(t)(e.SkipTask(t.Context(), task.NewID(id, 1)))
	locks, err := s.Locks(t.Context(), []string{"a", "b"})
	if err != nil || len(locks) != 1 || locks[0].Tenant != "b" {
		t.Errorf("locks %v, %v; want that of b alone", locks, err)
	}
}

package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/redisstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// given is a command that is given twice under one id. After the first time, what after does makes
// the command have an effect again, or not apply any more.
type given struct {
	before, after func(t *testing.T, e *cutover.Engine, id plan.ID)
	give          func(ctx context.Context, e *cutover.Engine, id plan.ID, opts ...cutover.CommandOption) (repeated bool, err error)
}

func givePlan(f func(*cutover.Engine, context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error)) func(
	context.Context, *cutover.Engine, plan.ID, ...cutover.CommandOption) (bool, error) {
	return func(ctx context.Context, e *cutover.Engine, id plan.ID, opts ...cutover.CommandOption) (bool, error) {
		a, err := f(e, ctx, id, opts...)
		return a.Repeated, err
	}
}

func giveTask(f func(*cutover.Engine, context.Context, task.ID, ...cutover.CommandOption) (cutover.TaskResult, error)) func(
	context.Context, *cutover.Engine, plan.ID, ...cutover.CommandOption) (bool, error) {
	return func(ctx context.Context, e *cutover.Engine, id plan.ID, opts ...cutover.CommandOption) (bool, error) {
		a, err := f(e, ctx, task.NewID(id, 1), opts...)
		return a.Repeated, err
	}
}

// A command that is given again under its id changes nothing, whatever has happened meanwhile.
func TestCommandsGivenAgain(t *testing.T) {
	t.Parallel()
	started := func(t *testing.T, e *cutover.Engine, id plan.ID) { t.Helper(); mustPlan(t)(e.Start(t.Context(), id)) }
	resumed := func(t *testing.T, e *cutover.Engine, id plan.ID) { t.Helper(); mustPlan(t)(e.Resume(t.Context(), id)) }
	paused := func(t *testing.T, e *cutover.Engine, id plan.ID) { t.Helper(); mustPlan(t)(e.Pause(t.Context(), id)) }
	canceled := func(t *testing.T, e *cutover.Engine, id plan.ID) { t.Helper(); mustPlan(t)(e.Cancel(t.Context(), id)) }
	nothing := func(*testing.T, *cutover.Engine, plan.ID) {}
	tune := func(n int) func(*cutover.Engine, context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error) {
		return func(e *cutover.Engine, ctx context.Context, id plan.ID, opts ...cutover.CommandOption) (cutover.PlanResult, error) {
			return e.Tune(ctx, id, strategy.Tuning{MaxConcurrency: strategy.Count(n)}, opts...)
		}
	}
	for name, g := range map[string]given{
		"start":  {nothing, canceled, givePlan((*cutover.Engine).Start)},
		"pause":  {started, resumed, givePlan((*cutover.Engine).Pause)},
		"resume": {func(t *testing.T, e *cutover.Engine, id plan.ID) { t.Helper(); started(t, e, id); paused(t, e, id) }, paused, givePlan((*cutover.Engine).Resume)},
		"cancel": {started, nothing, givePlan((*cutover.Engine).Cancel)},
		"tune": {started, func(t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			mustPlan(t)(tune(3)(e, t.Context(), id))
		}, givePlan(tune(2))},
		"note": {nothing, canceled, givePlan(func(e *cutover.Engine, ctx context.Context, id plan.ID, opts ...cutover.CommandOption) (cutover.PlanResult, error) {
			return e.Note(ctx, id, append(opts, cutover.Because("r"))...)
		})},
		"skip a task": {nothing, nothing, giveTask((*cutover.Engine).SkipTask)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g.check(t, newEngine(t, memstore.New(), cutover.Config{}))
		})
	}
}

func (g given) check(t *testing.T, e *cutover.Engine) {
	t.Helper()
	ctx := t.Context()
	id := create(t, e, spec("a", "b"))
	g.before(t, e, id)
	p, err := e.Plan(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	opts := []cutover.CommandOption{cutover.CommandID("one"), cutover.IfVersion(p.Version)}
	if repeated, err := g.give(ctx, e, id, opts...); err != nil || repeated {
		t.Fatalf("given once: repeated %t, %v", repeated, err)
	}
	g.after(t, e, id)
	before, err := e.Plan(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if repeated, err := g.give(ctx, e, id, opts...); err != nil || !repeated {
		t.Errorf("given again: repeated %t, %v", repeated, err)
	}
	if after, err := e.Plan(ctx, id); err != nil || after.Version != before.Version || after.LastEvent != before.LastEvent {
		t.Errorf("given again it has changed version %d to %d: %v", before.Version, after.Version, err)
	}
}

// On Redis a command id works in the same way.
func TestCommandGivenAgainOnRedis(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr()})
	t.Cleanup(func() { _ = client.Close() })
	s, err := redisstore.Open(t.Context(), client, redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	given{
		before: func(t *testing.T, e *cutover.Engine, id plan.ID) { t.Helper(); mustPlan(t)(e.Start(t.Context(), id)) },
		after:  func(t *testing.T, e *cutover.Engine, id plan.ID) { t.Helper(); mustPlan(t)(e.Resume(t.Context(), id)) },
		give:   givePlan((*cutover.Engine).Pause),
	}.check(t, newEngine(t, s, cutover.Config{}))
}

// A retry whose answer was lost starts one attempt, not two.
func TestRetryGivenAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := running(t, m, executor.Registry{"X": executor.Func(untilFailed)})
		id := launch(t, e, spec("a"))
		rests(t, e, id, plan.Failed)
		ctx, cancel := context.WithCancel(t.Context())
		m.on(func(callCtx context.Context, c storetest.Call) error {
			err := c.Do(callCtx)
			if c.Method == "Apply" && err == nil {
				m.on(nil)
				cancel() // the caller goes away, and never hears of it
				return callCtx.Err()
			}
			return err
		})
		if a, err := e.RetryTask(ctx, task.NewID(id, 1), cutover.FromCheckpoint, cutover.CommandID("one")); err == nil {
			t.Fatalf("the answer was not lost: %+v", a)
		}
		m.on(nil)
		rests(t, e, id, plan.Failed)
		a, err := e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint, cutover.CommandID("one"))
		if err != nil || !a.Repeated || a.Unchanged || a.Task.Attempt != 2 || a.Task.State != task.Failed {
			t.Errorf("given again: %+v, %v", a, err)
		}
	})
}

// A command that left its plan unchanged is not remembered, and an id belongs to one plan.
func TestWhatIsNotRemembered(t *testing.T) {
	t.Parallel()
	e := newEngine(t, memstore.New(), cutover.Config{})
	id, other := launch(t, e, spec("a")), launch(t, e, spec("b"))
	ctx := t.Context()
	one := cutover.CommandID("one")
	if a, err := e.Resume(ctx, id, one); err != nil || !a.Unchanged || a.Repeated {
		t.Errorf("a resume of a running plan: %+v, %v", a, err)
	}
	mustPlan(t)(e.Pause(ctx, id, one))
	if a, err := e.Pause(ctx, other, one); err != nil || a.Repeated {
		t.Errorf("the id of another plan's command: %+v, %v", a, err)
	}
	if _, err := e.Pause(ctx, 99, one); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a plan that does not exist: %v", err)
	}
	if _, err := e.SkipTask(ctx, task.NewID(99, 1), one); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a task that does not exist: %v", err)
	}
	if _, err := e.Resume(ctx, id, cutover.CommandID(strings.Repeat("x", store.MaxID+1))); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a long id: %v", err)
	}
}

func TestExisted(t *testing.T) {
	t.Parallel()
	e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{"X": executor.Func(untilFailed)}})
	s := spec("a")
	s.IdempotencyKey = "k"
	for _, want := range []bool{false, true, true} {
		existed := !want
		if _, err := e.Create(t.Context(), s, cutover.Existed(&existed)); err != nil || existed != want {
			t.Errorf("existed %t, want %t: %v", existed, want, err)
		}
	}
	s.Name, s.Tenants = "", nil
	existed := true
	if _, err := e.Create(t.Context(), s, cutover.Existed(&existed)); err == nil || existed {
		t.Errorf("existed %t: %v", existed, err)
	}
}

// A process that runs is ready while it has a lease, one that only gives commands while the store
// answers.
func TestReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := newEngine(t, m, cutover.Config{LeaseTTL: 3 * time.Second})
		check := func(when string, want error) {
			t.Helper()
			if err := e.Ready(t.Context()); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", when, err, want)
			}
		}
		check("before Run", nil)
		m.away()
		check("before Run, without its store", errAway)
		runEngine(t, e)
		synctest.Wait()
		check("without a lease", cutover.ErrNoLease)
		m.on(nil)
		time.Sleep(5 * time.Second)
		check("with a lease", nil)
		m.away()
		time.Sleep(5 * time.Second)
		check("after its lease", cutover.ErrNoLease)
		m.on(nil)
	})
}

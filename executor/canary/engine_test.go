package canary_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// process runs an engine over the executor until stop is called, at the latest when the test ends.
func process(t *testing.T, s store.Store, e *canary.Executor, capacity int) (engine *cutover.Engine, stop func()) {
	t.Helper()
	engine, err := cutover.New(s, cutover.Config{Executors: executor.Registry{canary.Type: e}, Capacity: capacity})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = engine.Run(ctx) // it ends with its context
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return engine, stop
}

func start(t *testing.T, engine *cutover.Engine, tenants ...string) plan.ID {
	t.Helper()
	p, err := engine.Create(t.Context(), plan.Spec{
		Name: "canary", ExecutorType: canary.Type, Tenants: plan.Tenants(tenants...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Percent(100), MaxFailures: strategy.Percent(100)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Start(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// rests waits until the plan is at rest and checks its state.
func rests(t *testing.T, engine *cutover.Engine, id plan.ID, want plan.State) plan.Plan {
	t.Helper()
	p, err := engine.Wait(t.Context(), id)
	if err != nil || p.State != want {
		t.Fatalf("plan %s: %s, want %s; %v", id, p.State, want, err)
	}
	return p
}

// fleet is a service of weights without HTTP, for very many tenants.
type fleet struct {
	mu      sync.Mutex
	weights map[string]int
}

func (f *fleet) Weight(_ context.Context, tenantID string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.weights[tenantID], nil
}

func (f *fleet) SetWeight(_ context.Context, c canary.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.weights[c.TenantID] = c.To
	return nil
}

// TestHoldsKeepNoWorker holds 10,000 tenants at the same time in a process with a capacity of 10;
// fewer in two of three plain runs, and with -short in most.
func TestHoldsKeepNoWorker(t *testing.T) {
	t.Parallel()
	tenants, share := 500, 3
	if testing.Short() {
		share = 50
	}
	if sample.Whole() || sample.Share(t, share) {
		tenants = 10_000
	}
	synctest.Test(t, func(t *testing.T) {
		names := make([]string, tenants)
		for i := range names {
			names[i] = fmt.Sprint("t", i)
		}
		e, err := canary.New(&fleet{weights: map[string]int{}}, well{}, canary.Config{Steps: canary.Steps(time.Hour, 100)})
		if err != nil {
			t.Fatal(err)
		}
		engine, _ := process(t, memstore.New(), e, 10)
		began := time.Now()
		id := start(t, engine, names...)
		time.Sleep(30 * time.Minute)
		p, err := engine.Plan(t.Context(), id)
		if err != nil || p.Counters.Waiting != tenants || p.Counters.Held != 0 {
			t.Fatalf("%d waiting, %d held: %v", p.Counters.Waiting, p.Counters.Held, err)
		}
		p = rests(t, engine, id, plan.Completed)
		if took := time.Since(began); took < time.Hour || took > time.Hour+time.Minute || p.Counters.Of(task.Completed) != tenants {
			t.Errorf("%d completed, after %s", p.Counters.Of(task.Completed), took)
		}
	})
}

// TestAProcessEndsInEveryHold stops the process in each hold, and another one over the same
// store goes on. Each hold takes the time that it has, and each weight is set once.
func TestAProcessEndsInEveryHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, canary.Config{Steps: canary.Steps(time.Hour, 5, 25, 50, 100)})
		s := memstore.New()
		engine, stop := process(t, s, l.Executor, 1)
		began := time.Now()
		id := start(t, engine, tenantID)
		for range 4 {
			time.Sleep(40 * time.Minute)
			stop()
			time.Sleep(10 * time.Minute)
			engine, stop = process(t, s, connect(t, l.World, canary.Config{}), 1)
			time.Sleep(10 * time.Minute)
		}
		rests(t, engine, id, plan.Completed)
		if took := time.Since(began); took < 4*time.Hour || took > 4*time.Hour+time.Minute {
			t.Errorf("took %s", took)
		}
		l.wantSet(t, 5, 25, 50, 100)
	})
}

// TestPauseAndCancelInAHold pauses or cancels a plan in each of its holds. It takes effect at once,
// nothing is set meanwhile, the hold goes on during the pause, and a rollback gets the tenant back.
func TestPauseAndCancelInAHold(t *testing.T) {
	t.Parallel()
	for hold := range 4 {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, canary.Config{Steps: canary.Steps(time.Hour, 5, 25, 50, 100)})
			engine, _ := process(t, memstore.New(), l.Executor, 1)
			began := time.Now()
			id := start(t, engine, tenantID)
			time.Sleep(time.Duration(hold)*time.Hour + 10*time.Minute)
			before := time.Now()
			if _, err := engine.Pause(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			rests(t, engine, id, plan.Paused)
			changes := len(l.Calls(tenantID))
			time.Sleep(20 * time.Minute)
			if _, err := engine.Resume(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
			if len(l.Calls(tenantID)) != changes {
				t.Errorf("hold %d: %d calls during the pause", hold, len(l.Calls(tenantID))-changes)
			}
			paused := time.Since(before)
			time.Sleep(time.Duration(hold+1)*time.Hour - time.Since(began) + 5*time.Second)
			if n := len(l.Calls(tenantID, canarytest.Check)); n != hold+1 {
				t.Errorf("hold %d: %d checks an hour after it began, although %s were a pause", hold, n, paused)
			}
			if hold == 3 {
				rests(t, engine, id, plan.Completed)
				return
			}
			before = time.Now()
			if _, err := engine.Cancel(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			rests(t, engine, id, plan.Canceled)
			if took := time.Since(before); took > 2*time.Second {
				t.Errorf("hold %d: the cancel took %s", hold, took)
			}
			if _, err := engine.Rollback(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			rests(t, engine, id, plan.RolledBack)
			l.wantWeight(t, 0)
		})
	}
}

// TestABadTenantIsPutBackAndTheOthersGoOn lets one of three tenants do badly at 25 percent.
func TestABadTenantIsPutBackAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := canarytest.NewWorld(canarytest.Tenant{ID: "a"}, canarytest.Tenant{ID: "b", Weight: 1}, canarytest.Tenant{ID: "c"})
		w.Report("b", canary.Report{Verdict: canary.Passed}, none(), bad())
		engine, _ := process(t, memstore.New(), connect(t, w, canary.Config{}), 2)
		id := start(t, engine, "a", "b", "c")
		rests(t, engine, id, plan.Completed) // within the tolerance
		got := []int{}
		for _, tenant := range []string{"a", "b", "c"} {
			weight, _ := w.Weight(tenant)
			got = append(got, weight)
		}
		if !slices.Equal(got, []int{100, 1, 100}) {
			t.Errorf("weights %d", got)
		}
		tk, err := engine.Task(t.Context(), task.NewID(id, 2))
		if err != nil || tk.State != task.Failed || tk.Failure.ErrorCode != canary.CodeHealthFailed || tk.Failure.Step != "CHECK_AT_25" {
			t.Fatalf("%+v, %v", tk.Failure, err)
		}
		if want := "at 25 percent: 1 failed, 1 inconclusive, 0 missing checks (inconclusive: no traffic; failed: errorRate 0.12, p99Millis 820: too slow); the weight was put back to 1 percent"; tk.Failure.Reason != want {
			t.Errorf("reason %s", tk.Failure.Reason)
		}
		if _, err := engine.RetryTask(t.Context(), tk.ID, cutover.FromCheckpoint); err != nil {
			t.Fatal(err)
		}
		rests(t, engine, id, plan.Completed)
		if weight, _ := w.Weight("b"); weight != 100 {
			t.Errorf("after the retry: %d percent", weight)
		}
	})
}

// TestACancelEndsAPutBackAfterItsGrace cancels the plan in a check that finds the health bad, when
// the weights do not answer any more. After its grace period the task is CANCELLED at the bad
// weight, and a rollback puts it back.
func TestACancelEndsAPutBackAfterItsGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := canarytest.NewWorld(canarytest.Tenant{ID: tenantID})
		weights, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Transport: w.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		checked := make(chan struct{})
		e, err := canary.New(weights, health(func(context.Context) (canary.Report, error) {
			close(checked)
			time.Sleep(time.Second) // the plan is cancelled meanwhile
			return bad(), nil
		}), canary.Config{Steps: canary.Steps(time.Minute, 10, 100), Retry: executor.Retry{Attempts: 100}})
		if err != nil {
			t.Fatal(err)
		}
		engine, _ := process(t, memstore.New(), e, 1)
		id := start(t, engine, tenantID)
		<-checked
		began := time.Now()
		if _, err := engine.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		w.Inject(tenantID, canarytest.SetWeight, canarytest.TimeOut, 1000)
		rests(t, engine, id, plan.Canceled)
		if took := time.Since(began); took < 30*time.Second || took > 45*time.Second {
			t.Errorf("the cancel took %s", took)
		}
		if weight, _ := w.Weight(tenantID); weight != 10 {
			t.Errorf("the weight is %d", weight)
		}
		w.Heal()
		if _, err := engine.Rollback(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		rests(t, engine, id, plan.RolledBack)
		if weight, _ := w.Weight(tenantID); weight != 0 {
			t.Errorf("after the rollback the weight is %d", weight)
		}
	})
}

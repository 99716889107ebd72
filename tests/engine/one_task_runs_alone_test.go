package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// patient is an executor that works for a second between two boundaries, fails the tenants that are
// sick, sooner than the others succeed, and counts its runs.
type patient struct {
	mu   sync.Mutex
	sick map[string]bool
	runs map[string]int
}

func newPatient(sick ...string) *patient {
	p := &patient{sick: make(map[string]bool), runs: make(map[string]int)}
	for _, tenant := range sick {
		p.sick[tenant] = true
	}
	return p
}

// Execute implements executor.TaskExecutor.
func (p *patient) Execute(ctx context.Context, run *executor.Run) error {
	p.mu.Lock()
	p.runs[run.Tenant().ID]++
	sick := p.sick[run.Tenant().ID]
	p.mu.Unlock()
	steps := 5
	if sick {
		steps = 2
	}
	for range steps {
		time.Sleep(time.Second)
		if err := run.Save(ctx, "STEP", nil); err != nil {
			return err
		}
	}
	if sick {
		return executor.Fail("SICK", errors.New("it is sick"))
	}
	return nil
}

// heal makes a tenant succeed from now on.
func (p *patient) heal(tenant string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sick, tenant)
}

// total returns the number of runs.
func (p *patient) total() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, runs := range p.runs {
		n += runs
	}
	return n
}

// An operator tries one task of a plan that has failed: the plan stays FAILED, no other task runs,
// and a failure of the task changes nothing else. Once it succeeds it stays done.
func TestOneTaskOfAFailedPlanRunsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newPatient("a", "b")
		e := running(t, memstore.New(), executor.Registry{"X": x})
		s := spec("a", "b", "c", "d", "e")
		s.Strategy = strategy.Strategy{MaxConcurrency: strategy.Count(2)}
		id := launch(t, e, s)
		rests(t, e, id, plan.Failed)
		before := x.total()
		for _, want := range []task.State{task.Failed, task.Completed} {
			a, err := e.RetryTask(t.Context(), task.NewID(id, 2), cutover.FromCheckpoint, cutover.StayStopped())
			if err != nil || a.Stopped || a.Task.State != task.Running || a.Task.Request != task.ExemptRequest {
				t.Fatalf("retry: %+v, %v", a, err)
			}
			p := rests(t, e, id, plan.Failed)
			if got := taskOf(t, e, id, 2); got.State != want || p.Counters.Of(task.Pending) != 3 {
				t.Errorf("task %s, want %s, of the others %v", got.State, want, p.Counters)
			}
			x.heal("b")
		}
		if n := x.total() - before; n != 2 {
			t.Errorf("%d runs while the plan was to stay stopped, want 2", n)
		}
	})
}

// In a plan that is paused, a retry answers that the task does not run yet; with StayStopped it
// runs and the plan stays PAUSED, also if it has to prove its success without a worker, and if the
// process that runs it is shut down meanwhile.
func TestOneTaskOfAPausedPlanRunsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x, st := newPatient(), memstore.New()
		first := startProcess(t, st, cutover.Config{Executors: executor.Registry{"X": x}})
		s := spec("a", "b", "c")
		s.Strategy = strategy.Strategy{MaxConcurrency: strategy.Count(2), MinSuccessTime: time.Minute}
		id := launch(t, first.Engine, s)
		time.Sleep(1500 * time.Millisecond)
		mustPlan(t)(first.Pause(t.Context(), id))
		rests(t, first.Engine, id, plan.Paused)
		a, err := first.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint)
		if err != nil || !a.Stopped {
			t.Errorf("a retry in a paused plan: %+v, %v", a, err)
		}
		rests(t, first.Engine, id, plan.Paused)
		if got := taskOf(t, first.Engine, id, 1); got.State != task.Paused || got.PausedIndividually {
			t.Errorf("after the retry the task is %s, alone %t", got.State, got.PausedIndividually)
		}
		a, err = first.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint, cutover.StayStopped())
		if err != nil || a.Stopped {
			t.Errorf("a retry alone: %+v, %v", a, err)
		}
		time.Sleep(1500 * time.Millisecond)
		first.end(t)
		second := running(t, st, executor.Registry{"X": x})
		p := rests(t, second, id, plan.Paused)
		if one, two := taskOf(t, second, id, 1), taskOf(t, second, id, 2); one.State != task.Completed || two.State != task.Paused {
			t.Errorf("the tasks are %s and %s, %v", one.State, two.State, p.Counters)
		}
		mustPlan(t)(second.Resume(t.Context(), id))
		rests(t, second, id, plan.Completed)
	})
}

// What an operator gets who tries a task, at each boundary that it may be at.
func TestOneTaskAloneAtEachBoundary(t *testing.T) {
	t.Parallel()
	try := func(t *testing.T, e *cutover.Engine, id plan.ID, ordinal int) (cutover.TaskResult, error) {
		t.Helper()
		return e.RetryTask(t.Context(), task.NewID(id, ordinal), cutover.FromCheckpoint, cutover.StayStopped())
	}
	// Each gets a plan that has just failed because of its first task, while its second goes on.
	for name, test := range map[string]func(t *testing.T, e *cutover.Engine, id plan.ID){
		"pending": func(t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			_, err := try(t, e, id, 4)
			refusedIn(t, err, task.Pending)
		},
		"held by a worker": func(t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			_, err := try(t, e, id, 2)
			refusedIn(t, err, task.Running)
		},
		"paused individually": func(t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			mustTask(t)(e.PauseTask(t.Context(), task.NewID(id, 2)))
			rests(t, e, id, plan.Failed)
			mustTask(t)(try(t, e, id, 2))
			rests(t, e, id, plan.Failed)
			if got := taskOf(t, e, id, 2); got.State != task.Completed || got.Attempt != 2 {
				t.Errorf("%s in attempt %d", got.State, got.Attempt)
			}
		},
		"given twice": func(t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			rests(t, e, id, plan.Failed)
			mustTask(t)(try(t, e, id, 1))
			if a, err := try(t, e, id, 1); err == nil && !a.Unchanged {
				t.Errorf("again: %+v", a)
			}
			rests(t, e, id, plan.Failed)
		},
		"plan cancelled meanwhile": func(t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			rests(t, e, id, plan.Failed)
			mustTask(t)(try(t, e, id, 1))
			mustPlan(t)(e.Cancel(t.Context(), id))
			rests(t, e, id, plan.Canceled)
			if got := taskOf(t, e, id, 1); got.State != task.Canceled {
				t.Errorf("it is %s", got.State)
			}
			_, err := try(t, e, id, 1)
			refusedIn(t, err, task.Canceled)
		},
		"plan paused meanwhile": func(t *testing.T, e *cutover.Engine, id plan.ID) {
			t.Helper()
			rests(t, e, id, plan.Failed)
			mustTask(t)(try(t, e, id, 1))
			mustPlan(t)(e.Pause(t.Context(), id))
			p := rests(t, e, id, plan.Paused)
			if got := taskOf(t, e, id, 1); got.State != task.Failed || !p.PauseReasons.Has(plan.PausedByBreach) {
				t.Errorf("it is %s, the plan paused for %v", got.State, p.PauseReasons)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := newPatient("a")
				e := running(t, memstore.New(), executor.Registry{"X": x})
				s := spec("a", "b", "c", "d", "e")
				s.Strategy = strategy.Strategy{MaxConcurrency: strategy.Count(2)}
				id := launch(t, e, s)
				for p := plan.Running; p != plan.Failed; { // b is at work, and goes on
					time.Sleep(10 * time.Millisecond)
					mustRunOn(t, e, id, &p)
				}
				test(t, e, id)
			})
		})
	}
}

// mustRunOn sets s to the state of a plan.
func mustRunOn(t *testing.T, e *cutover.Engine, id plan.ID, s *plan.State) {
	t.Helper()
	p, err := e.Plan(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	*s = p.State
}

// refusedIn checks that a command did not apply to a task in a state.
func refusedIn(t *testing.T, err error, s task.State) {
	t.Helper()
	var late *plan.StateError
	if !errors.As(err, &late) || late.TaskState != s {
		t.Errorf("%v, want that it does not apply to a task in %s", err, s)
	}
}

// Tasks that were paused are resumed by a filter. The next breach stops those that no worker has
// taken, as it does retried ones, and in the failed plan a further resume by a filter starts none.
func TestResumedTasksDoNotRunOnAfterABreach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenants := tenantsOf("t", 40)
		x := newPatient(tenants...)
		e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{"X": x}, Capacity: 100})
		runEngine(t, e)
		s := spec(tenants...)
		s.Strategy = strategy.Strategy{MaxConcurrency: strategy.Percent(100), MaxFailures: strategy.Count(39)}
		id := launch(t, e, s)
		all := e.Select(id, task.Filter{})
		time.Sleep(500 * time.Millisecond)
		mustTasks(t, plan.Reach{Matched: 40, Changing: 40})(all.Pause(t.Context()))
		rests(t, e, id, plan.Running)
		mustPlan(t)(e.Tune(t.Context(), id, strategy.Tuning{MaxConcurrency: strategy.Count(4), MaxFailures: strategy.Count(0)}))
		before := x.total()
		mustTasks(t, plan.Reach{Matched: 40, Changing: 40})(all.Resume(t.Context()))
		failed := rests(t, e, id, plan.Failed).Counters
		if n := x.total() - before; n > 8 || failed.Of(task.Paused) < 32 {
			t.Errorf("%d of 40 resumed tasks ran, %v", n, failed)
		}
		before = x.total()
		paused := failed.Of(task.Paused)
		mustTasks(t, plan.Reach{Matched: 40, Changing: paused, NotApplicable: map[task.State]int{task.Failed: 40 - paused}})(all.Resume(t.Context()))
		if p := rests(t, e, id, plan.Failed); x.total() != before || p.Counters != failed {
			t.Errorf("%d began in a failed plan, %v", x.total()-before, p.Counters)
		}
		for _, tenant := range tenants {
			x.heal(tenant)
		}
		mustPlan(t)(e.Resume(t.Context(), id))
		if p := rests(t, e, id, plan.Completed); p.Counters.Of(task.Completed) != paused {
			t.Errorf("after the resume: %v", p.Counters)
		}
	})
}

// After a retry of all failed tasks, the next breach stops those that no worker has taken: they are
// PAUSED in a plan that is FAILED, and a resume takes them up.
func TestRetriedTasksDoNotRunOnAfterABreach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tenants []string
		for i := range 400 {
			tenants = append(tenants, string(rune('a'+i%26))+time.Duration(i).String())
		}
		x := newPatient(tenants...)
		e := running(t, memstore.New(), executor.Registry{"X": x})
		s := spec(tenants...)
		s.Strategy = strategy.Strategy{MaxConcurrency: strategy.Percent(100), MaxFailures: strategy.Count(399)}
		id := launch(t, e, s)
		rests(t, e, id, plan.Failed)
		four := strategy.Tuning{MaxConcurrency: strategy.Count(4), MaxFailures: strategy.Count(0)}
		mustPlan(t)(e.Tune(t.Context(), id, four))
		before := x.total()
		mustPlan(t)(e.RetryFailed(t.Context(), id, cutover.FromCheckpoint))
		p := rests(t, e, id, plan.Failed)
		if n := x.total() - before; n > 8 {
			t.Errorf("%d of 400 retried tasks ran", n)
		}
		if n := p.Counters.Of(task.Paused); n < 300 {
			t.Errorf("%d are paused, %v", n, p.Counters)
		}
		for _, tenant := range tenants {
			x.heal(tenant)
		}
		mustPlan(t)(e.Resume(t.Context(), id))
		p = rests(t, e, id, plan.Completed)
		if n := p.Counters.Of(task.Completed); n < 300 {
			t.Errorf("after the resume: %v", p.Counters)
		}
	})
}

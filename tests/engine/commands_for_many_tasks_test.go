package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
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
	"github.com/cutover-go/cutover/task"
)

// regions returns a spec with n tenants, by turns in the regions eu and us, that all run at once.
func regions(n int) plan.Spec {
	s := parallelSpec(tenantsOf("t", n)...)
	for i := range s.Tenants {
		s.Tenants[i].Labels = map[string]string{"region": []string{"eu", "us"}[i%2]}
	}
	return s
}

func inRegion(region string) task.Filter {
	return task.Filter{Labels: map[string]string{"region": region}}
}

// regional fails with a code of the tenant's region until it is healed.
type regional struct{ healed atomic.Bool }

func (r *regional) Execute(_ context.Context, run *executor.Run) error {
	if r.healed.Load() {
		return nil
	}
	return executor.Fail("BROKEN_"+run.Tenant().Labels["region"], errors.New("broken"))
}

// mustTasks returns a check that a command on many tasks was applied, or unchanged if that is
// wanted, and reached as far as wanted.
func mustTasks(t *testing.T, want plan.Reach) func(cutover.TasksResult, error) cutover.TasksResult {
	t.Helper()
	return func(r cutover.TasksResult, err error) cutover.TasksResult {
		t.Helper()
		if err != nil || r.Unchanged != (want.Changing == 0) || r.Repeated || !reflect.DeepEqual(r.Reach, want) {
			t.Fatalf("reached %+v, want %+v; unchanged %t, repeated %t, %v", r.Reach, want, r.Unchanged, r.Repeated, err)
		}
		return r
	}
}

// byState counts the tasks of a plan that a filter selects by their states.
func byState(t *testing.T, e *cutover.Engine, id plan.ID, f task.Filter) map[task.State]int {
	t.Helper()
	found := map[task.State]int{}
	for after, more := 0, true; more; more = after != 0 {
		tasks, next, err := e.Select(id, f).Tasks(t.Context(), after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range tasks {
			found[one.State]++
		}
		after = next
	}
	return found
}

// wantStates checks how many of the tasks that a filter selects are in which states.
func wantStates(t *testing.T, e *cutover.Engine, id plan.ID, f task.Filter, want map[task.State]int) {
	t.Helper()
	if got := byState(t, e, id, f); !reflect.DeepEqual(got, want) {
		t.Errorf("of %s there are %v, want %v", &f, got, want)
	}
}

// A retry by filter retries what it selects and nothing else. Its dry run says the same and changes
// nothing.
func TestRetryTasksByCode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := new(regional)
		e := running(t, memstore.New(), executor.Registry{"X": x})
		id := launch(t, e, regions(250))
		before := rests(t, e, id, plan.Failed)
		x.healed.Store(true)

		broken := task.Filter{States: []task.State{task.Failed}, Codes: []string{"BROKEN_eu"}}
		want := plan.Reach{Matched: 125, Changing: 125}
		dry := mustTasks(t, want)(e.Select(id, broken).Retry(t.Context(), cutover.FromCheckpoint, cutover.DryRun(), cutover.By("ann")))
		time.Sleep(time.Hour)
		if p, err := e.Plan(t.Context(), id); err != nil || p.Version != before.Version || p.LastEvent != before.LastEvent || dry.Plan.Version != p.Version {
			t.Fatalf("the dry run changed the plan to version %d: %v", p.Version, err)
		}
		r := mustTasks(t, want)(e.Select(id, broken).Retry(t.Context(), cutover.FromCheckpoint, cutover.By("ann"), cutover.IfVersion(before.Version)))
		if r.Plan.State != plan.Running || r.Ahead != 0 || len(r.Plan.Sweeps) != 1 {
			t.Errorf("the plan is %s, sweeps %+v, ahead %d", r.Plan.State, r.Plan.Sweeps, r.Ahead)
		}
		rests(t, e, id, plan.Completed)
		wantStates(t, e, id, inRegion("eu"), map[task.State]int{task.Completed: 125})
		wantStates(t, e, id, inRegion("us"), map[task.State]int{task.Failed: 125})
		if us := ends(t, e, id, 2, task.Failed, "BROKEN_us"); us.Attempt != 1 {
			t.Errorf("attempt %d of a task that was not selected", us.Attempt)
		}
		events, err := e.PlanEvents(t.Context(), id, before.LastEvent, 1)
		if err != nil || len(events) != 1 || events[0].Actor != "ann" || events[0].Filter != "state FAILED, code BROKEN_eu" {
			t.Errorf("the event is %+v, %v", events, err)
		}
	})
}

// Tasks are skipped by label before the start and by wave during it; the plan does the rest.
func TestSkipTasksByLabelAndWave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(succeed)})
		s := regions(300)
		s.Strategy.WaveSizes = []strategy.Amount{strategy.Count(100)}
		s.Strategy.FirstBakeTime = time.Hour
		id := create(t, e, s)
		mustTasks(t, plan.Reach{Matched: 150, Changing: 150})(e.Select(id, inRegion("eu")).Skip(t.Context(), cutover.Because("not ready")))
		mustPlan(t)(e.Start(t.Context(), id)) // at once: what is to be skipped does not begin
		time.Sleep(time.Minute)
		wantStates(t, e, id, inRegion("eu"), map[task.State]int{task.Skipped: 150})
		second := task.Filter{Waves: []int{2}}
		wantStates(t, e, id, second, map[task.State]int{task.Skipped: 50, task.Pending: 50})
		mustTasks(t, plan.Reach{Matched: 100, Changing: 50, Unchanged: 50})(e.Select(id, second).Skip(t.Context()))
		p := rests(t, e, id, plan.Completed)
		if c := p.Counters; c.Of(task.Skipped) != 200 || c.Of(task.Completed) != 100 {
			t.Errorf("it ended with %v", c)
		}
	})
}

// Tasks that run are paused, resumed and canceled by filter; pending ones are canceled.
func TestPauseResumeAndCancelTasks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := regions(20)
		s.Strategy.MaxConcurrency = strategy.Count(10)
		e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{"X": executor.Func(untilStopped)}, Capacity: 20})
		runEngine(t, e)
		id := launch(t, e, s)
		time.Sleep(time.Minute)
		eu := inRegion("eu")
		pending := map[task.State]int{task.Pending: 5}
		mustTasks(t, plan.Reach{Matched: 10, Changing: 5, NotApplicable: pending})(e.Select(id, eu).Pause(t.Context()))
		time.Sleep(time.Minute)
		// The tasks that are paused have given their slots to others.
		wantStates(t, e, id, task.Filter{Labels: eu.Labels, States: []task.State{task.Paused}}, map[task.State]int{task.Paused: 5})
		mustTasks(t, plan.Reach{Matched: 5, Changing: 5})(
			e.Select(id, task.Filter{Labels: eu.Labels, States: []task.State{task.Paused}}).Resume(t.Context()))
		time.Sleep(time.Minute)
		wantStates(t, e, id, task.Filter{States: []task.State{task.Paused}}, map[task.State]int{})
		mustTasks(t, plan.Reach{Matched: 20, Changing: 20})(e.Select(id, task.Filter{}).Cancel(t.Context()))
		p := rests(t, e, id, plan.Completed)
		if p.Counters.Of(task.Canceled) != 20 {
			t.Errorf("it ended with %v", p.Counters)
		}
	})
}

// Tasks are rolled back by the beginning of their tenants' ids, in a plan that is over.
func TestRollbackTasksByTenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": both{succeed, succeed}})
		id := launch(t, e, parallelSpec("eu-1", "eu-2", "us-1"))
		rests(t, e, id, plan.Completed)
		mustTasks(t, plan.Reach{Matched: 2, Changing: 2})(e.Select(id, task.Filter{Tenant: "eu-"}).Rollback(t.Context()))
		rests(t, e, id, plan.Completed)
		wantStates(t, e, id, task.Filter{}, map[task.State]int{task.RolledBack: 2, task.Completed: 1})
	})
}

// The tasks that a filter selects are undone backwards, also if they are more than one batch, and
// one task at a time if the plan is sequential.
func TestRollbackTasksGoesBackwards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var undone undoings
		e := running(t, memstore.New(), executor.Registry{"X": both{succeed, undone.undo}})
		var tenants, want []string
		for i := range 2*store.MaxBatch + 50 {
			tenants = append(tenants, fmt.Sprint("t-", i+1))
			if strings.HasPrefix(tenants[i], "t-1") {
				want = append(want, tenants[i])
			}
		}
		slices.Reverse(want)
		id := launch(t, e, spec(tenants...))
		rests(t, e, id, plan.Completed)
		if r, err := e.Select(id, task.Filter{Tenant: "t-1"}).Rollback(t.Context()); err != nil || r.Reach.Changing <= store.MaxBatch {
			t.Fatalf("%+v, %v", r.Reach, err)
		}
		rests(t, e, id, plan.Completed)
		if !slices.Equal(undone.list, want) {
			t.Errorf("undone %v, want %v", undone.list, want)
		}
	})
}

// A command that cannot be carried out is refused with the reason, and nothing is half done.
func TestCommandsForManyTasksAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}})
		s := regions(4)
		s.Strategy.WaveSizes = []strategy.Amount{strategy.Count(2)}
		id := create(t, e, s)
		before, err := e.Plan(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			filter task.Filter
			opts   []cutover.TasksOption
			is     error
		}{
			"a wave that is none": {task.Filter{Waves: []int{3}}, nil, plan.ErrInvalid},
			"another version":     {task.Filter{}, []cutover.TasksOption{cutover.IfVersion(99)}, plan.ErrVersion},
			"a long id":           {task.Filter{}, []cutover.TasksOption{cutover.CommandID(fmt.Sprintf("%65d", 1))}, store.ErrInvalid},
		} {
			for _, opts := range [][]cutover.TasksOption{tt.opts, append(tt.opts, cutover.DryRun())} {
				if name == "a long id" && len(opts) > 1 {
					continue // a dry run has no id
				}
				if r, err := e.Select(id, tt.filter).Skip(t.Context(), opts...); !errors.Is(err, tt.is) || r.Reach.Matched != 0 {
					t.Errorf("%s: reached %+v, %v", name, r.Reach, err)
				}
			}
		}
		if _, err := e.Select(id, task.Filter{}).Retry(t.Context(), cutover.FromCheckpoint); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("a retry before the start: %v", err)
		}
		mustTasks(t, plan.Reach{})(e.Select(id, task.Filter{Tenant: "nobody"}).Skip(t.Context()))
		mustTasks(t, plan.Reach{Matched: 4, Unchanged: 0, Changing: 4})(e.Select(id, task.Filter{}).Skip(t.Context(), cutover.DryRun()))
		if _, err := e.Select(id+1, task.Filter{}).Skip(t.Context()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a plan that is none: %v", err)
		}
		if _, _, err := e.Select(id, task.Filter{Waves: []int{9}}).Tasks(t.Context(), 0, 0); !errors.Is(err, plan.ErrInvalid) {
			t.Errorf("a list of a wave that is none: %v", err)
		}
		if _, _, err := e.Select(id, task.Filter{}).Tasks(t.Context(), -1, -1); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("a list from nowhere: %v", err)
		}
		after, err := e.Plan(t.Context(), id)
		if err != nil || after.Version != before.Version || after.LastEvent != before.LastEvent {
			t.Errorf("version %d, it was %d; %v", after.Version, before.Version, err)
		}
	})
}

// Commands wait in a queue that no engine works off here. A full queue refuses a further one, a
// command that was given before is not given again, and the plan can still be canceled.
func TestQueueOfCommands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}})
		id := create(t, e, regions(4))
		for i := range plan.MaxSweeps - 1 {
			r, err := e.Select(id, inRegion("eu")).Skip(t.Context(), cutover.CommandID(fmt.Sprint(i)))
			if err != nil || r.Ahead != i || r.Unchanged {
				t.Fatalf("command %d: %d ahead, unchanged %t, %v", i, r.Ahead, r.Unchanged, err)
			}
		}
		var full *plan.SweepsFullError
		if _, err := e.Select(id, inRegion("us")).Skip(t.Context()); !errors.As(err, &full) || len(full.Sweeps) != plan.MaxSweeps-1 {
			t.Errorf("one too many: %v", err)
		}
		if r, err := e.Select(id, inRegion("eu")).Skip(t.Context(), cutover.CommandID("3")); err != nil || !r.Repeated {
			t.Errorf("given again: repeated %t, %v", r.Repeated, err)
		}
		mustPlan(t)(e.Cancel(t.Context(), id))
		runEngine(t, e)
		if p := rests(t, e, id, plan.Canceled); len(p.Sweeps) > 0 {
			t.Errorf("sweeps %+v", p.Sweeps)
		}
	})
}

// A retry that makes a failed plan run again is carried out before what the plan then wakes, and
// says so.
func TestRetryTasksOfAFailedPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newPatient("t-0", "t-1", "t-2", "t-3")
		e := running(t, memstore.New(), executor.Registry{"X": x})
		s := regions(4)
		s.Strategy.MaxFailures = strategy.Count(1)
		id := launch(t, e, s)
		time.Sleep(500 * time.Millisecond)
		mustTask(t)(e.PauseTask(t.Context(), task.NewID(id, 4)))
		rests(t, e, id, plan.Failed)
		all := e.Select(id, task.Filter{})
		for _, opts := range [][]cutover.TasksOption{{cutover.DryRun()}, nil} {
			r := mustTasks(t, plan.Reach{Matched: 4, Changing: 4})(all.Retry(t.Context(), cutover.FromCheckpoint, opts...))
			if r.Ahead != 0 {
				t.Errorf("%d commands are ahead of the first: %+v", r.Ahead, r.Plan.Sweeps)
			}
		}
	})
}

// A task whose tenant another plan holds is left as it is; it is changed by a later command.
func TestManyTasksWithoutTheHeldOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": both{succeed, succeed}, "Y": executor.Func(untilStopped)})
		id := launch(t, e, regions(4))
		rests(t, e, id, plan.Completed)
		other := launch(t, e, plan.Spec{Name: "n", ExecutorType: "Y", Tenants: plan.Tenants("t-1")})
		time.Sleep(time.Second)
		mustTasks(t, plan.Reach{Matched: 4, Changing: 4})(e.Select(id, task.Filter{}).Rollback(t.Context()))
		rests(t, e, id, plan.Completed)
		wantStates(t, e, id, task.Filter{}, map[task.State]int{task.Completed: 1, task.RolledBack: 3})
		ends(t, e, id, 2, task.Completed, "")
		mustPlan(t)(e.Cancel(t.Context(), other))
		rests(t, e, other, plan.Canceled)
		mustTasks(t, plan.Reach{Matched: 4, Changing: 1, Unchanged: 3})(e.Select(id, task.Filter{}).Rollback(t.Context()))
		rests(t, e, id, plan.Completed)
		wantStates(t, e, id, task.Filter{}, map[task.State]int{task.RolledBack: 4})
	})
}

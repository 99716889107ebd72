package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// onPlan returns all commands on a plan, onTask all commands on a task.
func onPlan(e *cutover.Engine) map[string]func(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error) {
	return map[string]func(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error){
		"start": e.Start, "pause": e.Pause, "resume": e.Resume, "cancel": e.Cancel, "rollback": e.Rollback,
		"retry failed": func(ctx context.Context, id plan.ID, _ ...cutover.CommandOption) (cutover.PlanResult, error) {
			return e.RetryFailed(ctx, id, cutover.FromCheckpoint)
		},
	}
}

func onTask(e *cutover.Engine) map[string]func(context.Context, task.ID, ...cutover.CommandOption) (cutover.TaskResult, error) {
	return map[string]func(context.Context, task.ID, ...cutover.CommandOption) (cutover.TaskResult, error){
		"pause": e.PauseTask, "resume": e.ResumeTask, "cancel": e.CancelTask, "rollback": e.RollbackTask,
		"skip": e.SkipTask,
		"retry": func(ctx context.Context, id task.ID, _ ...cutover.CommandOption) (cutover.TaskResult, error) {
			return e.RetryTask(ctx, id, cutover.FromCheckpoint)
		},
		"scratch": func(ctx context.Context, id task.ID, _ ...cutover.CommandOption) (cutover.TaskResult, error) {
			return e.RetryTask(ctx, id, cutover.FromScratch)
		},
	}
}

// Commands on a plan or task that does not exist, and queries of its tasks and events, return
// store.ErrNotFound. A command whose context has ended returns the error of the context. The
// existing plan does not change.
func TestCommandsOnNothing(t *testing.T) {
	t.Parallel()
	e := newEngine(t, memstore.New(), cutover.Config{})
	id := launch(t, e, spec("a"))
	before, err := e.Plan(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, command := range onPlan(e) {
		for _, unknown := range []plan.ID{0, -1, 99, task.MaxPlanID, task.MaxPlanID + 1, 1 << 62, -1 << 63} {
			if _, err := command(t.Context(), unknown); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s of plan %d: %v", name, unknown, err)
			}
		}
		if _, err := command(ended, id); !errors.Is(err, context.Canceled) {
			t.Errorf("%s without time: %v", name, err)
		}
	}
	for name, command := range onTask(e) {
		for _, unknown := range []task.ID{0, -1, 1, 1_000_000, 1_000_002, -1_000_001, 99_000_001, 1 << 53, 1<<63 - 1, -1 << 63} {
			if _, err := command(t.Context(), unknown); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s of task %d: %v", name, unknown, err)
			}
			if _, err := e.Task(t.Context(), unknown); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("task %d: %v", unknown, err)
			}
		}
		if _, err := command(ended, task.NewID(id, 1)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s without time: %v", name, err)
		}
	}
	if after, err := e.Plan(t.Context(), id); err != nil || after.Version != before.Version {
		t.Errorf("version %d became %d, %v", before.Version, after.Version, err)
	}
	if _, _, err := e.Tasks(t.Context(), 99, store.TaskQuery{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("tasks of no plan: %v", err)
	}
	if _, err := e.Events(t.Context(), 99, 0, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("events of no plan: %v", err)
	}
}

// Every command of a random sequence, given to two processes from several goroutines, is applied,
// changes nothing, or is refused as not applicable. The plan stays consistent and can be ended.
func TestCommandRaces(t *testing.T) {
	t.Parallel()
	for _, seed := range sample.Of(t, 2, 6) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			s := memstore.New()
			x := executor.Registry{"X": both{func(ctx context.Context, run *executor.Run) error {
				for n := range 4 {
					time.Sleep(time.Millisecond)
					if err := run.SaveUndo(ctx, fmt.Sprint("undo", n), n); err != nil {
						return err
					}
					if err := run.Save(ctx, fmt.Sprint("step", n), n); err != nil {
						return err
					}
				}
				if run.ID().Ordinal()%5 == run.Attempt() {
					return errors.New("fails")
				}
				return nil
			}, func(ctx context.Context, run *executor.Run) error {
				if err := run.Save(ctx, "undone", nil); err != nil {
					return err
				}
				if rand.IntN(10) == 0 {
					return errors.New("undo fails")
				}
				return nil
			}}}
			c := cutover.Config{Executors: x, Capacity: 4, PollInterval: 20 * time.Millisecond}
			var engines []*cutover.Engine
			for range 2 {
				e := newEngine(t, s, c)
				runEngine(t, e)
				engines = append(engines, e)
			}
			sp := parallelSpec(tenantsOf("t", 300)...)
			id := launch(t, engines[0], sp)
			storm(t, engines, id, len(sp.Tenants), seed)
			settle(t, engines[0], id)
		})
	}
}

// storm gives random commands from several goroutines.
func storm(t *testing.T, engines []*cutover.Engine, id plan.ID, tasks int, seed uint64) {
	t.Helper()
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			e := engines[g%len(engines)]
			plans, perTask := onPlan(e), onTask(e)
			for n := range 150 {
				var err error
				if r.IntN(3) == 0 {
					names := []string{"pause", "resume", "resume", "retry failed", "resume", "start"}
					if n > 100 && r.IntN(60) == 0 {
						names = []string{"rollback", "cancel"}
					}
					_, err = plans[names[r.IntN(len(names))]](t.Context(), id)
				} else {
					names := []string{"pause", "resume", "retry", "scratch", "resume", "retry", "pause"}
					if r.IntN(8) == 0 {
						names = []string{"cancel", "rollback", "skip"}
					}
					_, err = perTask[names[r.IntN(len(names))]](t.Context(), task.NewID(id, 1+r.IntN(tasks)))
				}
				if err != nil && !errors.Is(err, plan.ErrNotApplicable) {
					t.Error(err)
				}
				time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
			}
		})
	}
	wg.Wait()
}

// settle brings a plan to rest, whatever commands it received, and checks that its counters match
// its tasks and that its events are consistent.
func settle(t *testing.T, e *cutover.Engine, id plan.ID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := e.Cancel(ctx, id); err != nil && !errors.Is(err, plan.ErrNotApplicable) {
		t.Error(err)
	}
	p, err := e.Wait(ctx, id)
	if err != nil {
		t.Fatalf("%s with %+v does not come to rest: %v", p.State, p, err)
	}
	tasks, _, err := e.Tasks(ctx, id, store.TaskQuery{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s with %v after %d events", p.State, p.Counters, p.LastEvent)
	var counted plan.Counters
	for _, tk := range tasks {
		counted.States[tk.State]++
		if tk.Worker != "" || tk.State.InFlight() {
			t.Errorf("a task in flight at rest: %+v", tk)
		}
	}
	if counted != p.Counters {
		t.Errorf("counters %v, tasks %v", p.Counters, counted)
	}
	events, err := e.Events(ctx, id, 0, store.MaxPage)
	if err != nil {
		t.Fatal(err)
	}
	states := make(map[task.ID]string)
	for i, ev := range events {
		if ev.Seq != int64(i+1) {
			t.Fatalf("event %d has number %d", i+1, ev.Seq)
		}
		before, known := states[ev.Task]
		if known && before != ev.From && (before != "PENDING" || ev.From != "CANCELLED") {
			t.Errorf("event %d of %s goes from %s, the one before went to %s", ev.Seq, ev.Tenant, ev.From, before)
		}
		states[ev.Task] = ev.To
	}
	if len(events) < store.MaxPage && !events[len(events)-1].AtRest {
		t.Errorf("the last event says nothing of the rest: %+v", events[len(events)-1])
	}
}

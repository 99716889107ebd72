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
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// failsOnce fails in the first attempt. In every later attempt, and in its undo, it works until it
// is interrupted.
func failsOnce(ctx context.Context, run *executor.Run) error {
	if run.Attempt() == 1 {
		return errors.New("fails")
	}
	return untilInterrupted(ctx, run)
}

// If a process freezes while its retry locks the tenant, and continues when a worker already runs
// the task or its undo, the retry is refused and leaves the tenant to the worker.
func TestLateCommandSparesTheRun(t *testing.T) {
	t.Parallel()
	retry := func(ctx context.Context, e *cutover.Engine, id task.ID) error {
		_, err := e.RetryTask(ctx, id, cutover.FromCheckpoint)
		return err
	}
	tests := map[string]struct {
		held string // the call in which the late command freezes
		work executor.Func
		// before brings the task into a state in which the command applies. meanwhile makes a
		// worker run the task while the command is frozen.
		before, meanwhile func(t *testing.T, e *cutover.Engine, id task.ID)
	}{
		"a retry after another": {
			"Reserve", failsOnce,
			func(t *testing.T, e *cutover.Engine, id task.ID) {
				t.Helper()
				rests(t, e, id.Plan(), plan.Failed)
			},
			func(t *testing.T, e *cutover.Engine, id task.ID) {
				t.Helper()
				mustTask(t)(e.RetryTask(t.Context(), id, cutover.FromScratch))
			},
		},
		"a retry after a rollback": {
			"Reserve", failsOnce,
			func(t *testing.T, e *cutover.Engine, id task.ID) {
				t.Helper()
				rests(t, e, id.Plan(), plan.Failed)
			},
			func(t *testing.T, e *cutover.Engine, id task.ID) {
				t.Helper()
				mustPlan(t)(e.Rollback(t.Context(), id.Plan()))
			},
		},
		"a retry after a resume": {
			"Replace", untilStopped,
			func(t *testing.T, e *cutover.Engine, id task.ID) {
				t.Helper()
				mustTask(t)(e.PauseTask(t.Context(), id))
				rests(t, e, id.Plan(), plan.Running)
			},
			func(t *testing.T, e *cutover.Engine, id task.ID) {
				t.Helper()
				mustTask(t)(e.ResumeTask(t.Context(), id))
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := intercept(memstore.New())
				e := running(t, m.inner, executor.Registry{"X": both{tt.work, untilInterrupted}})
				id := task.NewID(launch(t, e, spec("a")), 1)
				time.Sleep(time.Second)
				tt.before(t, e, id)
				f, reached, goOn := pausing(func(c storetest.Call) bool { return c.Method == tt.held })
				m.on(f)
				late := make(chan error, 1)
				go func() { late <- retry(t.Context(), newEngine(t, m, cutover.Config{}), id) }()
				<-reached
				tt.meanwhile(t, e, id)
				time.Sleep(time.Second)
				if tk := taskOf(t, e, id.Plan(), 1); tk.Worker == "" {
					t.Fatalf("nobody works on the task: it is %s", tk.State)
				}
				close(goOn)
				if err := <-late; !errors.Is(err, plan.ErrNotApplicable) {
					t.Errorf("the late retry: %v", err)
				}
				locked(t, e, m.inner, "a", id.Plan())
			})
		})
	}
}

// locked checks that no other plan can be started over the tenant, because the plan by holds it.
func locked(t *testing.T, e *cutover.Engine, s store.Store, tenant string, by plan.ID) {
	t.Helper()
	_, err := e.Start(t.Context(), create(t, e, spec(tenant)))
	if held := heldBy(t, err); held[tenant] != by {
		locks, _ := s.Locks(t.Context(), []string{tenant})
		t.Errorf("held by %v, locked by %+v", held, locks)
	}
}

// A command that the store refuses leaves the tenant locked for the failed task.
func TestCommandGivenUpSparesTheLock(t *testing.T) {
	t.Parallel()
	for name, undo := range map[string]bool{"retry": false, "rollback": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := intercept(memstore.New())
				e := running(t, m.inner, executor.Registry{"X": executor.Func(failsOnce)})
				id := task.NewID(launch(t, e, spec("a")), 1)
				rests(t, e, id.Plan(), plan.Failed)
				refused := errors.New("refused")
				m.on(func(ctx context.Context, c storetest.Call) error {
					if c.Method == "Apply" {
						return refused
					}
					return c.Do(ctx)
				})
				command := newEngine(t, m, cutover.Config{})
				var err error
				if undo {
					_, err = command.RollbackTask(t.Context(), id)
				} else {
					_, err = command.RetryTask(t.Context(), id, cutover.FromCheckpoint)
				}
				if !errors.Is(err, refused) {
					t.Errorf("the command: %v", err)
				}
				locked(t, e, m.inner, "a", id.Plan())
			})
		})
	}
}

// If a retry of all failed tasks freezes in one process, and a worker of another process locks the
// tenant in the meantime, the retry does not take the tenant from that worker.
func TestLateSweepSparesTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		s := m.inner
		work := cutover.Config{Executors: executor.Registry{"X": both{failsOnce, untilInterrupted}}}
		first := startProcess(t, s, work)
		id := launch(t, first.Engine, spec("a"))
		rests(t, first.Engine, id, plan.Failed)
		first.stop()
		if err := <-first.done; err != nil {
			t.Fatal(err)
		}
		f, reached, goOn := pausing(func(c storetest.Call) bool { return c.Method == "Reserve" })
		m.on(f)
		startProcess(t, m, cutover.Config{}) // reconciles the plan although it has no executor
		e := newEngine(t, s, cutover.Config{})
		mustPlan(t)(e.RetryFailed(t.Context(), id, cutover.FromCheckpoint))
		<-reached
		startProcess(t, s, work)
		time.Sleep(time.Second)
		before, err := s.Locks(t.Context(), []string{"a"})
		if err != nil || taskOf(t, e, id, 1).Worker == "" {
			t.Fatalf("nobody works on the task, %v", err)
		}
		close(goOn)
		time.Sleep(time.Second)
		if after, err := s.Locks(t.Context(), []string{"a"}); err != nil || after[0] != before[0] {
			t.Errorf("locked by %+v, before by %+v, %v", after, before, err)
		}
	})
}

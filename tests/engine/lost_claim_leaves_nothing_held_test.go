package engine

import (
	"context"
	"errors"
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

// A claim whose answer takes longer than two heartbeats looks like a lost claim, and its task is
// yielded. The process must not act on the answer that arrives later, because the token is stale by
// then.
func TestSlowClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var runs atomic.Int64
		e := running(t, m, executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			switch {
			case run.Tenant().ID == "a": // a run keeps the plan in the heartbeats
				time.Sleep(5 * time.Minute)
				return nil
			case run.Attempt() == 1:
				return errors.New("first attempt")
			}
			runs.Add(1)
			return run.Save(ctx, "s", nil)
		})})
		id := launch(t, e, parallelSpec("a", "b"))
		synctest.Wait()
		var slow atomic.Bool
		m.on(func(ctx context.Context, c storetest.Call) error {
			err := c.Do(ctx)
			if c.Method == "Claim" && len(c.Batch.Claimed) > 0 && slow.CompareAndSwap(false, true) {
				time.Sleep(25 * time.Second)
			}
			return err
		})
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 2), cutover.FromCheckpoint))
		rests(t, e, id, plan.Completed)
		ends(t, e, id, 2, task.Completed, "")
		if n := runs.Load(); n != 1 || !slow.Load() {
			t.Errorf("the task ran %d times", n)
		}
	})
}

// Frequent changes of a plan make heartbeats come earlier. That does not turn a claim that takes a
// moment into an untracked claim.
func TestClaimBetweenHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := running(t, m, executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			switch {
			case run.Tenant().ID == "a":
				return untilInterrupted(ctx, run)
			case run.Attempt() == 1:
				return errors.New("first attempt")
			}
			return nil
		})})
		id := launch(t, e, parallelSpec("a", "b"))
		synctest.Wait()
		var yields, beats atomic.Int64
		m.on(func(ctx context.Context, c storetest.Call) error {
			switch {
			case c.Method == "Heartbeat":
				beats.Add(1)
			case c.Method == "Commit" && c.Batch.Changes[0].Kind == store.Yield && !c.Batch.Changes[0].RaiseTokens:
				yields.Add(1)
			}
			err := c.Do(ctx)
			if c.Method == "Claim" && len(c.Batch.Claimed) > 0 {
				time.Sleep(5 * time.Second)
			}
			return err
		})
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 2), cutover.FromCheckpoint))
		for range 20 {
			mustTask(t)(e.PauseTask(t.Context(), task.NewID(id, 1)))
			time.Sleep(200 * time.Millisecond)
			mustTask(t)(e.ResumeTask(t.Context(), task.NewID(id, 1)))
			time.Sleep(200 * time.Millisecond)
		}
		ends(t, e, id, 2, task.Completed, "")
		if yields.Load() > 0 || beats.Load() < 5 {
			t.Errorf("%d tasks were handed back in %d heartbeats", yields.Load(), beats.Load())
		}
	})
}

// If the answer to a claim is lost, even together with heartbeats or yields, or if a commit is
// refused or its answer is lost, every task eventually completes in its first attempt.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	permanent := errors.New("lost for good")
	tests := map[string]func(m *interceptedStore) func(ctx context.Context, c storetest.Call) error{
		"claim": func(*interceptedStore) func(context.Context, storetest.Call) error {
			var lost atomic.Bool
			return func(ctx context.Context, c storetest.Call) error {
				err := c.Do(ctx)
				if c.Method == "Claim" && len(c.Batch.Claimed) > 0 && lost.CompareAndSwap(false, true) {
					return permanent
				}
				return err
			}
		},
		"claim, then heartbeats": func(*interceptedStore) func(context.Context, storetest.Call) error {
			var lost atomic.Bool
			var beats atomic.Int64
			return func(ctx context.Context, c storetest.Call) error {
				if c.Method == "Heartbeat" && lost.Load() && beats.Add(1) <= 3 {
					return errAway
				}
				err := c.Do(ctx)
				if c.Method == "Claim" && len(c.Batch.Claimed) > 0 && lost.CompareAndSwap(false, true) {
					return permanent
				}
				return err
			}
		},
		"claim, then the hand-back": func(*interceptedStore) func(context.Context, storetest.Call) error {
			var lost atomic.Bool
			var backs atomic.Int64
			return func(ctx context.Context, c storetest.Call) error {
				if c.Method == "Commit" && c.Batch.Changes[0].Kind == store.Yield && backs.Add(1) <= 2 {
					return errAway
				}
				err := c.Do(ctx)
				if c.Method == "Claim" && len(c.Batch.Claimed) > 0 && lost.CompareAndSwap(false, true) {
					return permanent
				}
				return err
			}
		},
		"save refused": func(*interceptedStore) func(context.Context, storetest.Call) error {
			var tries atomic.Int64
			return func(ctx context.Context, c storetest.Call) error {
				if c.Method == "Commit" && c.Batch.Changes[0].Kind == store.Save && tries.Add(1) <= 2 {
					return permanent
				}
				return c.Do(ctx)
			}
		},
		"completion refused": func(*interceptedStore) func(context.Context, storetest.Call) error {
			var tries atomic.Int64
			return func(ctx context.Context, c storetest.Call) error {
				if c.Method == "Commit" && c.Batch.Changes[0].Kind == store.Complete && tries.Add(1) <= 2 {
					return permanent
				}
				return c.Do(ctx)
			}
		},
		"completion, with the claim that goes with it": func(*interceptedStore) func(context.Context, storetest.Call) error {
			var tries atomic.Int64
			return func(ctx context.Context, c storetest.Call) error {
				err := c.Do(ctx)
				if c.Method == "Commit" && c.Batch.Changes[0].Kind == store.Complete && tries.Add(1) <= 2 {
					return permanent
				}
				return err
			}
		},
	}
	for name, tamper := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := intercept(memstore.New())
				m.on(tamper(m))
				e := running(t, m, executor.Registry{"X": twoSteps(succeed)})
				id := launch(t, e, spec("a", "b"))
				rests(t, e, id, plan.Completed)
				for ordinal := range 2 {
					if tk := ends(t, e, id, ordinal+1, task.Completed, ""); tk.Attempt != 1 {
						t.Errorf("attempt %d", tk.Attempt)
					}
				}
			})
		})
	}
}

// A claim whose answer arrives after the end of the lease starts no executor.
func TestClaimAfterLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var deadStarts atomic.Int64
		e := running(t, m, executor.Registry{"X": executor.Func(func(ctx context.Context, _ *executor.Run) error {
			if ctx.Err() != nil {
				deadStarts.Add(1)
			}
			return nil
		})})
		var once, frozen atomic.Bool
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Heartbeat" && frozen.Load() {
				return errAway
			}
			err := c.Do(ctx)
			if c.Method == "Claim" && len(c.Batch.Claimed) > 0 && once.CompareAndSwap(false, true) {
				frozen.Store(true)
				time.Sleep(40 * time.Second)
				frozen.Store(false)
			}
			return err
		})
		id := launch(t, e, spec("a"))
		rests(t, e, id, plan.Completed)
		if n := deadStarts.Load(); n > 0 {
			t.Errorf("started %d executors under a lease that is over", n)
		}
	})
}

// The stop of a task whose worker is gone takes effect without another run of the work.
func TestStopWithoutWorker(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		command   func(ctx context.Context, e *cutover.Engine, id plan.ID) error
		want      task.State
		wantPlan  plan.State
		wantAlone bool
	}{
		"pause of the task": {func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
			_, err := e.PauseTask(ctx, task.NewID(id, 1))
			return err
		}, task.Paused, plan.Running, true},
		"cancel of the task": {func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
			_, err := e.CancelTask(ctx, task.NewID(id, 1))
			return err
		}, task.Canceled, plan.Completed, false},
		"pause of the plan": {func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
			_, err := e.Pause(ctx, id)
			return err
		}, task.Paused, plan.Paused, false},
		"cancel of the plan": {func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
			_, err := e.Cancel(ctx, id)
			return err
		}, task.Canceled, plan.Canceled, false},
		"rollback of the plan": {func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
			_, err := e.Rollback(ctx, id)
			return err
		}, task.RolledBack, plan.RolledBack, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				var runs atomic.Int64
				x := executor.Registry{"X": both{func(ctx context.Context, _ *executor.Run) error {
					runs.Add(1)
					return untilInterrupted(ctx, nil)
				}, succeed}}
				dead := intercept(s)
				startProcess(t, dead, cutover.Config{Executors: x})
				synctest.Wait()
				e := newEngine(t, s, cutover.Config{Executors: x})
				id := launch(t, e, spec("a"))
				time.Sleep(2 * time.Second) // long enough for a poll
				dead.away()                 // the process dies with its task
				if err := tt.command(t.Context(), e, id); err != nil {
					t.Fatal(err)
				}
				runEngine(t, e)
				p := rests(t, e, id, tt.wantPlan)
				tk := taskOf(t, e, id, 1)
				if n := runs.Load(); n != 1 || tk.State != tt.want || tk.PausedIndividually != tt.wantAlone || tk.Request != task.NoRequest {
					t.Errorf("ran %d times, %+v, %v", n, tk.Control, p.Counters)
				}
			})
		})
	}
}

// If a rollback is canceled while no worker runs its undo, the undo is stopped where it is and is
// not begun again.
func TestCanceledRollbackWithoutWorker(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(p *process, m *interceptedStore){
		"its process died":      func(_ *process, m *interceptedStore) { m.away() },
		"its process shut down": func(p *process, _ *interceptedStore) { p.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := intercept(memstore.New())
				var undos atomic.Int64
				c := cutover.Config{Executors: executor.Registry{"X": both{twoSteps(succeed), func(ctx context.Context, run *executor.Run) error {
					undos.Add(1)
					return untilInterrupted(ctx, run)
				}}}}
				first := startProcess(t, m, c)
				id := launch(t, first.Engine, spec("a", "b"))
				rests(t, first.Engine, id, plan.Completed)
				mustPlan(t)(first.Rollback(t.Context(), id))
				synctest.Wait()
				leave(first, m)
				time.Sleep(25 * time.Second)
				e := newEngine(t, m.inner, c)
				mustPlan(t)(e.Cancel(t.Context(), id))
				runEngine(t, e)
				rests(t, e, id, plan.RollbackFailed)
				ends(t, e, id, 2, task.RollbackFailed, task.CodeRollbackStopped)
				ends(t, e, id, 1, task.Completed, "")
				if n := undos.Load(); n != 1 {
					t.Errorf("the undo was begun %d times", n)
				}
			})
		})
	}
}

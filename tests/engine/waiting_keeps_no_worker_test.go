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
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// holding is an executor that waits, without a worker, several times for the same time. It counts
// its calls.
type holding struct {
	times int
	each  time.Duration
	calls atomic.Int64
}

// Execute implements executor.TaskExecutor.
func (h *holding) Execute(ctx context.Context, run *executor.Run) error {
	h.calls.Add(1)
	n := 0
	if _, _, err := run.Restore(&n); err != nil {
		return err
	}
	if n == h.times {
		return nil
	}
	if err := run.Save(ctx, "HOLD", n+1); err != nil {
		return err
	}
	return executor.ResumeAfter(h.each)
}

// Thousands of tasks wait at the same time although the process has capacity for ten, and all go on
// when their wait is over.
func TestHoldsKeepNoCapacity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &holding{times: 2, each: time.Hour}
		e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{"X": x}, Capacity: 10})
		runEngine(t, e)
		tenants := make([]string, 2000)
		for i := range tenants {
			tenants[i] = fmt.Sprint("t", i)
		}
		began := time.Now()
		id := launch(t, e, parallelSpec(tenants...))
		time.Sleep(30 * time.Minute)
		p, err := e.Plan(t.Context(), id)
		if err != nil || p.Counters.Waiting != 2000 || p.Counters.Held != 0 {
			t.Fatalf("%d waiting, %d held: %v", p.Counters.Waiting, p.Counters.Held, err)
		}
		rests(t, e, id, plan.Completed)
		if took := time.Since(began); took < 2*time.Hour || took > 2*time.Hour+time.Second {
			t.Errorf("took %s", took)
		}
		if n := x.calls.Load(); n != 6000 {
			t.Errorf("called %d times", n)
		}
	})
}

// A task that waits keeps its slot: no other task begins in its place.
func TestHoldsKeepTheirSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &holding{times: 1, each: time.Hour}
		e := running(t, memstore.New(), executor.Registry{"X": x})
		s := spec("a", "b", "c")
		s.Strategy.MaxConcurrency = strategy.Count(2)
		id := launch(t, e, s)
		time.Sleep(59 * time.Minute)
		ends(t, e, id, 3, task.Pending, "")
		rests(t, e, id, plan.Completed)
	})
}

// When the process that defers a task dies, another continues it at most a quarter of its LeaseTTL
// after its time.
func TestHoldsOutliveTheirProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		x := &holding{times: 1, each: time.Hour}
		c := cutover.Config{Executors: executor.Registry{"X": x}}
		first := startProcess(t, s, c)
		id := launch(t, first.Engine, spec("a"))
		began := time.Now()
		time.Sleep(time.Minute)
		first.end(t)
		e := running(t, s, c.Executors)
		rests(t, e, id, plan.Completed)
		if late := time.Since(began) - time.Hour; late < 0 || late > 7500*time.Millisecond {
			t.Errorf("continued %s late", late)
		}
	})
}

// A pause takes effect at once on a task that waits, and its wait goes on in the meantime: after
// the resume it is over when it would have been over anyway.
func TestPauseInAHold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ resumeAfter, takes time.Duration }{
		"resumed during the wait": {20 * time.Minute, time.Hour},
		"resumed after it":        {3 * time.Hour, 3 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := &holding{times: 1, each: time.Hour}
				e := running(t, memstore.New(), executor.Registry{"X": x})
				id := launch(t, e, spec("a", "b"))
				began := time.Now()
				time.Sleep(10 * time.Minute)
				mustPlan(t)(e.Pause(t.Context(), id))
				p := rests(t, e, id, plan.Paused)
				if paused := time.Since(began); paused > 10*time.Minute+time.Second || p.Counters.Waiting != 0 {
					t.Errorf("paused after %s, %d wait", paused, p.Counters.Waiting)
				}
				time.Sleep(tt.resumeAfter - time.Since(began))
				mustPlan(t)(e.Resume(t.Context(), id))
				for taskOf(t, e, id, 1).State != task.Completed {
					time.Sleep(time.Second)
				}
				if took := time.Since(began); took < tt.takes || took > tt.takes+3*time.Second {
					t.Errorf("the task took %s", took)
				}
			})
		})
	}
}

// A cancel and a rollback take effect at once on tasks that wait.
func TestCancelInAHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := both{(&holding{times: 1, each: time.Hour}).Execute, func(context.Context, *executor.Run) error { return nil }}
		e := running(t, memstore.New(), executor.Registry{"X": x})
		ids := []plan.ID{launch(t, e, spec("a")), launch(t, e, spec("b")), launch(t, e, spec("c"))}
		time.Sleep(time.Minute)
		began := time.Now()
		mustPlan(t)(e.Cancel(t.Context(), ids[0]))
		mustPlan(t)(e.Rollback(t.Context(), ids[1]))
		mustTask(t)(e.CancelTask(t.Context(), task.NewID(ids[2], 1)))
		rests(t, e, ids[0], plan.Canceled)
		rests(t, e, ids[1], plan.RolledBack)
		rests(t, e, ids[2], plan.Completed)
		ends(t, e, ids[0], 1, task.Canceled, "")
		ends(t, e, ids[1], 1, task.RolledBack, "")
		ends(t, e, ids[2], 1, task.Canceled, "")
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// An undo can wait, too, and a cancel of the rollback ends it at once.
func TestUndoInAHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		undo := func(ctx context.Context, run *executor.Run) error {
			if step, _, err := run.Restore(nil); err != nil || step == "UNDOING" {
				return err
			}
			if err := run.Save(ctx, "UNDOING", 1); err != nil {
				return err
			}
			return executor.ResumeAfter(time.Hour)
		}
		done := func(context.Context, *executor.Run) error { return nil }
		e := running(t, memstore.New(), executor.Registry{"X": both{done, undo}})
		ids := []plan.ID{launch(t, e, spec("a", "b")), launch(t, e, spec("c", "d"))}
		began := time.Now()
		for _, id := range ids {
			rests(t, e, id, plan.Completed)
			mustPlan(t)(e.Rollback(t.Context(), id))
		}
		time.Sleep(90 * time.Minute)
		mustPlan(t)(e.Cancel(t.Context(), ids[1]))
		rests(t, e, ids[1], plan.RollbackFailed)
		ends(t, e, ids[1], 1, task.RollbackFailed, task.CodeRollbackStopped)
		ends(t, e, ids[1], 2, task.RolledBack, "")
		rests(t, e, ids[0], plan.RolledBack)
		if took := time.Since(began); took < 2*time.Hour || took > 2*time.Hour+5*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// A retryable failure is tried again after a growing wait, and counts as failed only when no
// attempt is left. Each retry is an event with the failure.
func TestRetriesBeforeFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		x := executor.Func(func(ctx context.Context, run *executor.Run) error {
			mu.Lock()
			at = append(at, time.Now())
			mu.Unlock()
			if err := run.Save(ctx, "TRIED", run.Attempt()); err != nil {
				return err
			}
			return executor.Retryable("AGAIN", errors.New("not now"))
		})
		e := running(t, memstore.New(), executor.Registry{"X": x})
		s := spec("a", "b")
		s.Strategy.Retry = strategy.Retry{Attempts: 4, First: time.Minute, Max: 2 * time.Minute}
		id := launch(t, e, s)
		p := rests(t, e, id, plan.Failed)
		tk := ends(t, e, id, 1, task.Failed, "AGAIN")
		if tk.Attempt != 4 || tk.Failure.Attempt != 4 || len(at) != 4 || p.Counters.Of(task.Failed) != 1 {
			t.Fatalf("attempt %d, failed attempt %d, %d calls, %v", tk.Attempt, tk.Failure.Attempt, len(at), p.Counters)
		}
		for i, longest := range []time.Duration{90 * time.Second, 3 * time.Minute, 3 * time.Minute} {
			if d := at[i+1].Sub(at[i]); d < longest/3 || d > longest+time.Second {
				t.Errorf("wait %d took %s", i+1, d)
			}
		}
		events, err := e.Events(t.Context(), id, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		retries := 0
		for _, ev := range events {
			if ev.Cause == task.ByRetry.String() {
				retries++
				if ev.From != "RUNNING" || ev.To != "RUNNING" || ev.Attempt != retries+1 || ev.Failure == nil || ev.Failure.Attempt != retries {
					t.Errorf("%+v with failure %+v", ev, ev.Failure)
				}
			}
		}
		if retries != 3 {
			t.Errorf("%d retries", retries)
		}
	})
}

// A person need not wait for a backoff: a retry of the task ends it.
func TestRetryEndsABackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := executor.Func(func(_ context.Context, run *executor.Run) error {
			if run.Attempt() == 1 {
				return executor.Retryable("AGAIN", errors.New("not now"))
			}
			return nil
		})
		e := running(t, memstore.New(), executor.Registry{"X": x})
		s := spec("a")
		s.Strategy.Retry = strategy.Retry{Attempts: 2, First: 24 * time.Hour, Max: 24 * time.Hour}
		id := launch(t, e, s)
		time.Sleep(time.Minute)
		if tk := ends(t, e, id, 1, task.Running, "AGAIN"); !tk.Waiting || tk.Wait.Why != task.WaitBackoff || tk.Attempt != 2 {
			t.Fatalf("%+v", tk.Control)
		}
		began := time.Now()
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint))
		rests(t, e, id, plan.Completed)
		if tk := taskOf(t, e, id, 1); time.Since(began) > 2*time.Second || tk.Attempt != 2 {
			t.Errorf("attempt %d, after %s", tk.Attempt, time.Since(began))
		}
	})
}

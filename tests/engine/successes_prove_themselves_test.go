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
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// proved is an executor that can verify its work.
type proved struct {
	executor.Func
	verify executor.Func
}

// Verify implements executor.Verifier.
func (p proved) Verify(ctx context.Context, run *executor.Run) error { return p.verify(ctx, run) }

func proving(d time.Duration, tenants ...string) plan.Spec {
	s := spec(tenants...)
	s.Strategy.MinSuccessTime = d
	return s
}

// A task is completed only when its work has been good for the MinSuccessTime. Meanwhile it has no
// worker and keeps its slot; a crash does not repeat the work.
func TestMinSuccessTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		var executed, verified atomic.Int64
		x := executor.Registry{"X": proved{
			func(context.Context, *executor.Run) error { executed.Add(1); return nil },
			func(context.Context, *executor.Run) error { verified.Add(1); return nil },
		}}
		first := startProcess(t, s, cutover.Config{Executors: x})
		began := time.Now()
		id := launch(t, first.Engine, proving(time.Hour, "a", "b"))
		time.Sleep(time.Minute)
		if tk := ends(t, first.Engine, id, 1, task.Running, ""); !tk.Waiting || tk.Wait.Why != task.WaitProving || tk.Worker != "" {
			t.Fatalf("%+v", tk)
		}
		ends(t, first.Engine, id, 2, task.Pending, "")
		first.end(t)
		e := running(t, s, x)
		rests(t, e, id, plan.Completed)
		if took := time.Since(began); took < 2*time.Hour || took > 2*time.Hour+20*time.Second {
			t.Errorf("took %s", took)
		}
		if executed.Load() != 2 || verified.Load() != 2 {
			t.Errorf("executed %d times, verified %d times", executed.Load(), verified.Load())
		}
	})
}

// An executor that cannot verify its work has nothing to do but wait.
func TestMinSuccessTimeWithoutAVerifier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var executed atomic.Int64
		x := executor.Func(func(context.Context, *executor.Run) error { executed.Add(1); return nil })
		e := running(t, memstore.New(), executor.Registry{"X": x})
		id := launch(t, e, proving(time.Hour, "a"))
		rests(t, e, id, plan.Completed)
		if executed.Load() != 1 {
			t.Errorf("executed %d times", executed.Load())
		}
	})
}

// Work that does not stay good fails its task, or is done again if the plan has an attempt left.
func TestWorkThatDoesNotStayGood(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		attempts int
		want     plan.State
		executed int64
	}{
		"failed":  {0, plan.Failed, 1},
		"retried": {2, plan.Completed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var executed atomic.Int64
				x := executor.Registry{"X": proved{
					func(context.Context, *executor.Run) error { executed.Add(1); return nil },
					func(_ context.Context, run *executor.Run) error {
						if run.Attempt() == 1 {
							return executor.Retryable("NOT_GOOD", errors.New("requests fail"))
						}
						return nil
					},
				}}
				e := running(t, memstore.New(), x)
				s := proving(time.Minute, "a")
				s.Strategy.Retry.Attempts = tt.attempts
				id := launch(t, e, s)
				rests(t, e, id, tt.want)
				if tt.want == plan.Failed {
					ends(t, e, id, 1, task.Failed, "NOT_GOOD")
				}
				if executed.Load() != tt.executed {
					t.Errorf("executed %d times", executed.Load())
				}
			})
		})
	}
}

// A verification that cannot decide yet asks to be continued later. The executor goes on then, and
// its success has to prove itself anew.
func TestAVerificationThatCannotDecide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var executed, verified atomic.Int64
		x := executor.Registry{"X": proved{
			func(context.Context, *executor.Run) error { executed.Add(1); return nil },
			func(context.Context, *executor.Run) error {
				if verified.Add(1) == 1 {
					return executor.ResumeAfter(time.Minute)
				}
				return nil
			},
		}}
		e := running(t, memstore.New(), x)
		began := time.Now()
		id := launch(t, e, proving(time.Hour, "a"))
		rests(t, e, id, plan.Completed)
		if took := time.Since(began); took < 2*time.Hour+time.Minute || took > 2*time.Hour+2*time.Minute {
			t.Errorf("took %s", took)
		}
		if executed.Load() != 2 || verified.Load() != 2 {
			t.Errorf("executed %d times, verified %d times", executed.Load(), verified.Load())
		}
	})
}

// A worker that dies while it verifies leaves the verification to another; the work is not
// repeated.
func TestCrashWhileVerifying(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		var executed, verified atomic.Int64
		x := executor.Registry{"X": proved{
			func(context.Context, *executor.Run) error { executed.Add(1); return nil },
			func(ctx context.Context, _ *executor.Run) error {
				if verified.Add(1) == 1 {
					<-ctx.Done()
					return context.Cause(ctx)
				}
				return nil
			},
		}}
		first := startProcess(t, s, cutover.Config{Executors: x, ShutdownGrace: time.Millisecond})
		id := launch(t, first.Engine, proving(time.Minute, "a"))
		time.Sleep(2 * time.Minute)
		first.end(t)
		rests(t, running(t, s, x), id, plan.Completed)
		if executed.Load() != 1 || verified.Load() != 2 {
			t.Errorf("executed %d times, verified %d times", executed.Load(), verified.Load())
		}
	})
}

// An attempt that takes longer than the TaskTimeout, or makes no progress for the ProgressDeadline,
// fails with a code of its own, and is retried like any failure.
func TestAttemptsAreLimited(t *testing.T) {
	t.Parallel()
	ticking := func(ctx context.Context, run *executor.Run) error {
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(10 * time.Second):
			}
			if n%2 == 0 {
				run.Progress(executor.Progress{})
			} else if err := run.Save(ctx, "TICK", n); err != nil {
				return err
			}
		}
	}
	for name, tt := range map[string]struct {
		strategy strategy.Strategy
		x        executor.Func
		code     string
		after    time.Duration
	}{
		"too long":               {strategy.Strategy{TaskTimeout: time.Minute}, ticking, task.CodeTaskTimeout, time.Minute},
		"too long, both limits":  {strategy.Strategy{TaskTimeout: time.Minute, ProgressDeadline: 15 * time.Second}, ticking, task.CodeTaskTimeout, time.Minute},
		"stalled":                {strategy.Strategy{ProgressDeadline: time.Minute}, untilInterrupted, task.CodeTaskStalled, time.Minute},
		"too long, then retried": {strategy.Strategy{TaskTimeout: time.Minute, Retry: strategy.Retry{Attempts: 2, First: time.Hour, Max: time.Hour}}, untilInterrupted, task.CodeTaskTimeout, 32 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := running(t, memstore.New(), executor.Registry{"X": tt.x})
				s := spec("a")
				s.Strategy = tt.strategy
				began := time.Now()
				id := launch(t, e, s)
				rests(t, e, id, plan.Failed)
				ends(t, e, id, 1, task.Failed, tt.code)
				if took := time.Since(began); took < tt.after || took > tt.after+time.Hour+2*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// The time of an attempt goes on in the next process, but stands still while the task is paused.
func TestTaskTimeoutOverProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		c := cutover.Config{Executors: executor.Registry{"X": executor.Func(untilStopped)}}
		first := startProcess(t, s, c)
		limited := spec("a")
		limited.Strategy.TaskTimeout = time.Hour
		id := launch(t, first.Engine, limited)
		time.Sleep(25 * time.Minute)
		mustPlan(t)(first.Pause(t.Context(), id))
		rests(t, first.Engine, id, plan.Paused)
		time.Sleep(24 * time.Hour)
		mustPlan(t)(first.Resume(t.Context(), id))
		time.Sleep(25 * time.Minute)
		first.end(t)
		began := time.Now()
		e := running(t, s, c.Executors)
		rests(t, e, id, plan.Failed)
		ends(t, e, id, 1, task.Failed, task.CodeTaskTimeout)
		if took := time.Since(began); took < 10*time.Minute-5*time.Second || took > 10*time.Minute+20*time.Second {
			t.Errorf("failed after %s more", took)
		}
	})
}

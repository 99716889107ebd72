package executor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/internal/guard"
	"github.com/cutover-go/cutover/task"
)

var errFlaky = errors.New("flaky")

// after returns an error that asks for another try after d.
func after(d time.Duration) error {
	return &executor.Error{Code: "BUSY", Retryable: true, RetryAfter: d, Err: errFlaky}
}

// tries returns the Do of a step that fails with err until its n-th call.
func tries(n int, err error, calls *int) func(context.Context, *executor.Run, *move) error {
	return func(_ context.Context, _ *executor.Run, s *move) error {
		*calls++
		s.Trail = append(s.Trail, "try")
		if *calls < n {
			return err
		}
		return nil
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	retry := executor.Retry{Attempts: 3, First: time.Second, Max: 2 * time.Second}
	for name, c := range map[string]struct {
		retry executor.Retry
		err   error
		until int
		calls int
		least time.Duration
		most  time.Duration
		fails bool
	}{
		"first time":                            {retry, nil, 1, 1, 0, 0, false},
		"second time":                           {retry, executor.Retryable("X", errFlaky), 2, 2, time.Second / 2, 3 * time.Second / 2, false},
		"third time":                            {retry, executor.Retryable("X", errFlaky), 3, 3, 3 * time.Second / 2, 9 * time.Second / 2, false},
		"never":                                 {retry, executor.Retryable("X", errFlaky), 9, 3, 3 * time.Second / 2, 9 * time.Second / 2, true},
		"not retryable":                         {retry, executor.Fail("X", errFlaky), 9, 1, 0, 0, true},
		"plain error":                           {retry, errFlaky, 9, 1, 0, 0, true},
		"zero value":                            {executor.Retry{}, executor.Retryable("X", errFlaky), 9, 1, 0, 0, true},
		"defaults":                              {executor.Retry{Attempts: 2}, executor.Retryable("X", errFlaky), 2, 2, time.Second / 4, 3 * time.Second / 4, false},
		"asked to wait":                         {executor.Retry{Attempts: 3, First: 1, Max: 10 * time.Second}, after(10 * time.Second), 3, 3, 20 * time.Second, 20 * time.Second, false},
		"asked to wait too long":                {executor.Retry{Attempts: 3, Max: 10 * time.Second}, after(10*time.Second + 1), 9, 1, 0, 0, true},
		"asked to wait longer than the default": {executor.Retry{Attempts: 3}, after(31 * time.Second), 9, 1, 0, 0, true},
		"asked to wait less":                    {retry, after(time.Millisecond), 2, 2, time.Second / 2, 3 * time.Second / 2, false},
		"asked to wait in a wrapped error":      {retry, fmt.Errorf("it: %w", after(2*time.Second)), 2, 2, 2 * time.Second, 2 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls, start := 0, time.Now()
				run := executortest.NewRun(t)
				steps := mustSteps(t, executor.Step[move]{Name: "A", Do: tries(c.until, c.err, &calls), Retry: c.retry}, (&world{}).step("B"))
				err := run.Execute(steps)
				if took := time.Since(start); calls != c.calls || took < c.least || took > c.most || (err != nil) != c.fails {
					t.Errorf("%d calls in %s: %v", calls, took, err)
				}
				if err == nil && !strings.Contains(string(run.Saved()[0].Data), `"trail":["try"]`) {
					t.Errorf("a failed try left its traces: %s", run.Saved()[0].Data)
				}
				if n := len(run.Reports()); n < c.calls {
					t.Errorf("%d reports of progress", n)
				}
			})
		})
	}
}

func TestRetryEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(executor.ErrShutdown) })
		calls, start := 0, time.Now()
		run := executortest.NewRun(t)
		steps := mustSteps(t, executor.Step[move]{
			Name: "A", Do: tries(9, executor.Retryable("X", errFlaky), &calls),
			Retry: executor.Retry{Attempts: 9, First: time.Hour, Max: time.Hour},
		})
		err := guard.Run(ctx, run.Run, steps.Execute)
		if took := time.Since(start); took != time.Minute || calls != 1 || !errors.Is(err, errFlaky) {
			t.Errorf("%d calls in %s: %v", calls, took, err)
		}
		wantSaved(t, run)
	})
}

func TestAStepTimesOut(t *testing.T) {
	t.Parallel()
	waits := func(ctx context.Context, _ *executor.Run, _ *move) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for name, c := range map[string]struct {
		do   func(context.Context, *executor.Run, *move) error
		want task.FailureInfo
	}{
		"plain": {waits, task.FailureInfo{
			Reason: "step A took longer than 2s: context deadline exceeded", ErrorCode: executor.CodeStepTimeout, Retryable: true,
		}},
		"own code": {func(ctx context.Context, run *executor.Run, s *move) error {
			return executor.Fail("GATEWAY_TIMEOUT", waits(ctx, run, s))
		}, task.FailureInfo{Reason: "context deadline exceeded", ErrorCode: "GATEWAY_TIMEOUT"}},
		"own error": {func(ctx context.Context, run *executor.Run, s *move) error {
			_ = waits(ctx, run, s)
			return errFlaky
		}, task.FailureInfo{Reason: "flaky", ErrorCode: executor.CodeExecutorFailed}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				run, start := executortest.NewRun(t), time.Now()
				err := run.Execute(mustSteps(t, executor.Step[move]{Name: "A", Do: c.do, Timeout: 2 * time.Second}))
				c.want.Step = "A"
				if info := executor.FailureOf(err, time.Time{}, 0, ""); info != c.want || time.Since(start) != 2*time.Second {
					t.Errorf("after %s failed with\n%+v, want\n%+v", time.Since(start), info, c.want)
				}
				wantSaved(t, run, `A {"completedSteps":[],"failedStep":"A"}`)
			})
		})
	}
}

func TestSuccessAfterTheTimeoutIsSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps := mustSteps(t, executor.Step[move]{Name: "A", Timeout: time.Second, Do: func(ctx context.Context, _ *executor.Run, _ *move) error {
			<-ctx.Done()
			return nil
		}})
		if err := executortest.NewRun(t).Execute(steps); err != nil {
			t.Error(err)
		}
	})
}

// TestTheContextEnds ends the context before the first step, or in a step, with every cause. The
// run returns the cause, and a failure of the step is recorded only if the cause is a timeout or a
// stall.
func TestTheContextEnds(t *testing.T) {
	t.Parallel()
	for cause, recorded := range map[error]bool{
		executor.ErrCanceled:  false,
		executor.ErrShutdown:  false,
		executor.ErrLeaseLost: false,
		executor.ErrTimeout:   true,
		executor.ErrStalled:   true,
	} {
		for phase, want := range map[string][]string{"before": nil, "A": nil, "B": {"A"}} {
			t.Run(cause.Error()+" in "+phase, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancelCause(t.Context())
				w := &world{}
				ends := func(s executor.Step[move]) executor.Step[move] {
					if s.Name == phase {
						s.Do = func(ctx context.Context, _ *executor.Run, _ *move) error {
							cancel(cause)
							return ctx.Err()
						}
					}
					return s
				}
				if phase == "before" {
					cancel(cause)
				}
				run := executortest.NewRun(t)
				err := guard.Run(ctx, run.Run, mustSteps(t, ends(w.step("A")), ends(w.step("B"))).Execute)
				if !errors.Is(err, cause) || !slices.Equal(w.done, want) {
					t.Errorf("Execute: %v after %v", err, w.done)
				}
				failed := len(run.Saved()) > len(want) // more than the completed steps have saved
				if failed != (recorded && phase != "before") {
					t.Errorf("saved %s", run.Saved())
				}
			})
		}
	}
}

func TestUndoStopsWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	w := &world{}
	run := executortest.NewRun(t)
	if err := run.Execute(w.steps(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(executor.ErrShutdown)
	w.done = nil
	if err := guard.Run(ctx, run.FromScratch().Run, w.steps(t).Rollback); !errors.Is(err, executor.ErrShutdown) || len(w.done) > 0 {
		t.Errorf("Rollback: %v after %v", err, w.done)
	}
}

func TestAPanicOfAStepIsItsFailure(t *testing.T) {
	t.Parallel()
	calls := 0
	run := executortest.NewRun(t)
	steps := mustSteps(t, executor.Step[move]{
		Name: "A", Action: "DO_A", Retry: executor.Retry{Attempts: 3},
		Do: func(context.Context, *executor.Run, *move) error {
			calls++
			panic(errFlaky)
		},
	})
	err := run.Execute(steps)
	info := executor.FailureOf(err, time.Time{}, 0, "")
	want := task.FailureInfo{Reason: "executor: panic: flaky", ErrorCode: task.CodeExecutorPanic, Step: "A"}
	if info != want || calls != 1 {
		t.Errorf("after %d calls failed with %+v", calls, info)
	}
	wantSaved(t, run, `A {"completedSteps":[],"failedStep":"DO_A"}`)
}

func TestAStopWithinAStepIsNoFailure(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t, executortest.StopAt(1, task.StopPause))
	steps := mustSteps(t, executor.Step[move]{Name: "A", Do: func(ctx context.Context, run *executor.Run, _ *move) error {
		return run.SaveUndo(ctx, "record", 17)
	}})
	if err := run.Execute(steps); !errors.Is(err, executor.ErrStopped) {
		t.Errorf("Execute: %v", err)
	}
	wantSaved(t, run)
}

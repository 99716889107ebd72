package executor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

func TestARetryFromScratchKeepsTheFirstUndoEntry(t *testing.T) {
	t.Parallel()
	w := &world{}
	start := "green"
	steps := mustSteps(t,
		executor.Step[move]{Name: "LOOK", Do: func(_ context.Context, _ *executor.Run, s *move) error {
			s.Tenant = start
			return nil
		}},
		executor.Step[move]{
			Name: "SWITCH",
			Do:   func(context.Context, *executor.Run, *move) error { return w.effect("SWITCH") },
			Undo: func(_ context.Context, _ *executor.Run, s *move) error { return w.effect("back to " + s.Tenant) },
		})
	run := executortest.NewRun(t)
	for _, r := range []*executortest.Run{run, nil} {
		if r == nil {
			start, r = "blue", run.FromScratch()
			run = r
		}
		if err := r.Execute(steps); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.FromScratch().Rollback(steps); err != nil {
		t.Fatal(err)
	}
	if got := w.done[len(w.done)-1]; got != "back to green" {
		t.Errorf("rolled %s", got)
	}
}

func TestForeignCheckpointsAreRefused(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]any{
		"null":            nil,
		"not an object":   []int{1},
		"no steps":        map[string]any{"tenant": "x"},
		"null steps":      map[string]any{"completedSteps": nil},
		"unknown step":    map[string]any{"completedSteps": []string{"A", "GONE"}},
		"unknown undone":  map[string]any{"completedSteps": []string{}, "undoneSteps": []string{"GONE"}},
		"state of others": map[string]any{"completedSteps": []string{"A"}, "trail": 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{}
			for _, f := range []func(*executortest.Run) error{
				func(r *executortest.Run) error { return r.Execute(w.steps(t)) },
				func(r *executortest.Run) error { return r.Rollback(w.steps(t)) },
			} {
				err := f(executortest.NewRun(t, executortest.Checkpoint("A", data)))
				info := executor.FailureOf(err, time.Time{}, 1, "")
				if info.ErrorCode != executor.CodeCheckpointInvalid || info.Step != "A" || len(w.done) > 0 {
					t.Errorf("failed with %+v after %v", info, w.done)
				}
			}
		})
	}
}

func TestAnUndoEntryThatIsTooLargeComesBeforeTheEffect(t *testing.T) {
	t.Parallel()
	w := &world{}
	run := executortest.NewRun(t, executortest.Limits(checkpoint.Limits{Undo: 10}))
	err := run.Execute(w.steps(t))
	info := executor.FailureOf(err, time.Time{}, 1, "")
	if info.ErrorCode != task.CodeCheckpointTooLarge || info.Step != "B" || w.count("B") != 0 {
		t.Errorf("failed with %+v after %v", info, w.done)
	}
}

func TestWhenTheFailureCannotBeRecorded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		option executortest.Option
		want   error
	}{
		"stopped":  {executortest.StopAt(3, task.StopPause), errRefused},
		"lost":     {executortest.LoseAt(3), executor.ErrLost},
		"no store": {executortest.FailAt(3, errors.New("store")), errRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{fail: map[string]error{"B": errRefused}}
			if err := executortest.NewRun(t, c.option).Execute(w.steps(t)); !errors.Is(err, c.want) {
				t.Errorf("Execute: %v, want %v", err, c.want)
			}
		})
	}
}

// TestAFailedStepIsAnErrorWithACode checks that the first *Error that errors.As finds contains the
// code, the step and whether to retry, and is not a wrapper without a code.
func TestAFailedStepIsAnErrorWithACode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want executor.Error
	}{
		"plain":     {errRefused, executor.Error{Code: "EXECUTOR_FAILED"}},
		"coded":     {executor.Retryable("BUSY", errRefused), executor.Error{Code: "BUSY", Retryable: true}},
		"wrapped":   {fmt.Errorf("it: %w", executor.Fail("GONE", errRefused)), executor.Error{Code: "GONE"}},
		"a shell":   {&executor.Error{Step: "OTHER", Retryable: true, Err: errRefused}, executor.Error{Code: "EXECUTOR_FAILED", Retryable: true}},
		"a timeout": {executor.ErrTimeout, executor.Error{Code: "TASK_TIMEOUT", Retryable: true}},
		"asked to wait": {
			&executor.Error{Code: "BUSY", Retryable: true, RetryAfter: time.Hour, Err: errRefused},
			executor.Error{Code: "BUSY", Retryable: true, RetryAfter: time.Hour},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{fail: map[string]error{"B": c.err, "undo A": c.err}}
			run := executortest.NewRun(t)
			steps := w.version(t, "A", "B")
			wantError(t, run.Execute(steps), "B", c.err, c.want)
			wantError(t, run.Again().Rollback(steps), "UNDO_A", c.err, c.want)
		})
	}
}

func wantError(t *testing.T, err error, step string, cause error, want executor.Error) {
	t.Helper()
	var e *executor.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: %v is no *Error", step, err)
	}
	if e.Code != want.Code || e.Step != step || e.Retryable != want.Retryable || e.RetryAfter != want.RetryAfter || !errors.Is(e, cause) {
		t.Errorf("%s: found %+v", step, e)
	}
}

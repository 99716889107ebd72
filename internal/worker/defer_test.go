package worker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// limited returns a run of a task under a strategy with every rule that defers or limits tasks.
func limited(s task.State, attempt int) *run {
	r := runOf(s, attempt)
	r.worker.plan.Strategy = strategy.Strategy{
		Retry:          strategy.Retry{Attempts: 3, First: time.Second, Max: 10 * time.Second},
		MinSuccessTime: time.Minute, TaskTimeout: time.Hour, ProgressDeadline: time.Minute,
	}
	return r
}

// A run defers its task instead of ending it if the executor asks for it, if the plan has an
// attempt left for the failure, or if the success has to prove itself first.
func TestOutcomeDefers(t *testing.T) {
	t.Parallel()
	again := executor.Retryable("AGAIN", errors.New("not now"))
	busy := &executor.Error{Code: "BUSY", Retryable: true, RetryAfter: time.Hour, Err: errors.New("busy")}
	later := fmt.Errorf("step HOLD: %w", executor.ResumeAfter(5*time.Minute))
	stopped := func(r *run) { r.stopRequested = true }
	proving := func(r *run) { r.task.Wait.Why = task.WaitProving }
	timedOut := func(r *run) { r.interrupt(executor.ErrTimeout) }
	for name, tt := range map[string]struct {
		run    *run
		err    error
		before func(*run)
		want   store.ChangeKind
		wait   task.WaitReason
		least  time.Duration // of After
		most   time.Duration
		code   string
	}{
		"the first retry":            {run: limited(task.Running, 1), err: again, want: store.Defer, wait: task.WaitBackoff, least: time.Second / 2, most: 1500 * time.Millisecond, code: "AGAIN"},
		"the second retry":           {run: limited(task.Running, 2), err: again, want: store.Defer, wait: task.WaitBackoff, least: time.Second, most: 3 * time.Second, code: "AGAIN"},
		"no attempt is left":         {run: limited(task.Running, 3), err: again, want: store.Fail, code: "AGAIN"},
		"not retryable":              {run: limited(task.Running, 1), err: errors.New("broken"), want: store.Fail, code: executor.CodeExecutorFailed},
		"a service asks for an hour": {run: limited(task.Running, 1), err: busy, want: store.Defer, wait: task.WaitBackoff, least: time.Hour, most: time.Hour, code: "BUSY"},
		"an undo is not retried":     {run: limited(task.RollingBack, 1), err: again, want: store.UndoFail, code: "AGAIN"},
		"no retry by default":        {run: runOf(task.Running, 1), err: again, want: store.Fail, code: "AGAIN"},
		"a retry after a stop":       {run: limited(task.Running, 1), err: again, before: stopped, want: store.Yield, code: "AGAIN"},
		"resumed later":              {run: runOf(task.Running, 1), err: later, want: store.Defer, wait: task.WaitHold, least: 5 * time.Minute, most: 5 * time.Minute},
		"an undo resumed later":      {run: runOf(task.RollingBack, 1), err: later, want: store.Defer, wait: task.WaitHold, least: 5 * time.Minute, most: 5 * time.Minute, code: task.CodeRollbackStopped},
		"resumed after a stop":       {run: runOf(task.Running, 1), err: later, before: stopped, want: store.Defer, wait: task.WaitHold, least: 5 * time.Minute, most: 5 * time.Minute},
		"an undo after a stop":       {run: runOf(task.RollingBack, 1), err: later, before: stopped, want: store.Defer, wait: task.WaitHold, least: 5 * time.Minute, most: 5 * time.Minute, code: task.CodeRollbackStopped},
		"stop and resume in one":     {run: runOf(task.Running, 1), err: errors.Join(&executor.StopError{Stop: task.StopPause}, later), before: stopped, want: store.Defer, wait: task.WaitHold, least: 5 * time.Minute, most: 5 * time.Minute},
		"resumed in the past":        {run: runOf(task.Running, 1), err: executor.ResumeAfter(-1), want: store.Defer, wait: task.WaitHold},
		"resumed in a century":       {run: runOf(task.Running, 1), err: executor.ResumeAfter(100 * store.MaxWait), want: store.Defer, wait: task.WaitHold, least: store.MaxWait, most: store.MaxWait},
		"done, to be proved":         {run: limited(task.Running, 1), want: store.Defer, wait: task.WaitProving, least: time.Minute, most: time.Minute},
		"proved":                     {run: limited(task.Running, 1), before: proving, want: store.Complete},
		"not good any more":          {run: limited(task.Running, 1), before: proving, err: again, want: store.Defer, wait: task.WaitBackoff, least: time.Second / 2, most: 1500 * time.Millisecond, code: "AGAIN"},
		"undone":                     {run: limited(task.RollingBack, 1), before: proving, want: store.Undone},
		"out of time":                {run: limited(task.Running, 3), err: errors.New("ended"), before: timedOut, want: store.Fail, code: task.CodeTaskTimeout},
		"out of time, retried":       {run: limited(task.Running, 1), err: errors.New("ended"), before: timedOut, want: store.Defer, wait: task.WaitBackoff, least: time.Second / 2, most: 1500 * time.Millisecond, code: task.CodeTaskTimeout},
		"out of time, resumed later": {run: limited(task.Running, 3), err: later, before: timedOut, want: store.Fail, code: task.CodeTaskTimeout},
		"out of time, but done":      {run: limited(task.Running, 1), before: timedOut, want: store.Defer, wait: task.WaitProving, least: time.Minute, most: time.Minute},
		"an undo out of time":        {run: limited(task.RollingBack, 1), err: errors.New("ended"), before: timedOut, want: store.UndoFail, code: task.CodeTaskTimeout},
		"stopped and out of time": {
			run: limited(task.Running, 1), err: errors.New("ended"), want: store.Yield, code: executor.CodeExecutorFailed,
			before: func(r *run) { timedOut(r); r.interrupt(executor.ErrShutdown) },
		},
	} {
		if tt.before != nil {
			tt.before(tt.run)
		}
		c, _ := tt.run.outcome(tt.err)
		code := ""
		if c.Failure != nil {
			code = c.Failure.ErrorCode
		}
		if c.Kind != tt.want || c.Wait != tt.wait || c.After < tt.least || c.After > tt.most || code != tt.code {
			t.Errorf("%s: kind %d, wait %s of %s, failure %q", name, c.Kind, c.Wait, c.After, code)
		}
		b := store.Batch{Changes: []store.Change{c}}
		if err := b.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A failure by a deadline names the limit, and the step if the executor does.
func TestExceeded(t *testing.T) {
	t.Parallel()
	r := limited(task.Running, 3)
	r.interrupt(executor.ErrStalled)
	c, _ := r.outcome(&executor.Error{Step: "SWITCH", Code: "GATEWAY_TIMEOUT", Err: errors.New("the gateway is silent")})
	f := c.Failure
	if f.ErrorCode != task.CodeTaskStalled || f.Step != "SWITCH" || !f.Retryable ||
		!strings.Contains(f.Reason, "1m0s allowed") || !strings.Contains(f.Reason, "the gateway is silent") {
		t.Errorf("%+v", f)
	}
}

// The ProgressDeadline counts from the last save or report, and not while the store is waited for.
func TestProgressDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := limited(task.Running, 1)
		r.startDeadlines()
		defer r.close()
		time.Sleep(59 * time.Second)
		r.limits.progress()
		time.Sleep(59 * time.Second)
		saved := r.limits.save()
		time.Sleep(30 * time.Minute)
		r.limits.progress()
		time.Sleep(15 * time.Minute)
		saved()
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if err := r.limit(); err != nil {
			t.Fatalf("interrupted: %v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if err := r.limit(); !errors.Is(err, executor.ErrStalled) {
			t.Fatalf("interrupted: %v", err)
		}
		if r.wasStopped() {
			t.Error("a deadline counts as a stop")
		}
	})
}

// The TaskTimeout counts what earlier workers of the attempt have reported.
func TestTaskTimeoutGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := limited(task.Running, 1)
		r.worker.plan.Strategy.ProgressDeadline = 0
		r.task.Elapsed = 50 * time.Minute
		r.startDeadlines()
		defer r.close()
		time.Sleep(10*time.Minute - time.Millisecond)
		synctest.Wait()
		if err := r.limit(); err != nil {
			t.Fatalf("interrupted: %v", err)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if err := r.limit(); !errors.Is(err, executor.ErrTimeout) || r.elapsed() != time.Hour {
			t.Fatalf("interrupted after %s: %v", r.elapsed(), err)
		}
	})
}

package canary_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

// TestEveryAnswerOfTheWeights lets each request of a step get every answer. The task fails with the
// code, and a retry, from the checkpoint or from scratch, and a rollback succeed.
func TestEveryAnswerOfTheWeights(t *testing.T) {
	t.Parallel()
	type want struct {
		code      string
		retryable bool
	}
	timeout, unavailable := want{"WEIGHTS_TIMEOUT", true}, want{"WEIGHTS_UNAVAILABLE", true}
	refused, badAnswer := want{"WEIGHTS_REFUSED", false}, want{"WEIGHTS_BAD_ANSWER", false}
	answers := map[canarytest.Fault]want{
		canarytest.TimeOut: timeout, canarytest.TimeOutAfter: timeout, canarytest.Late: timeout,
		canarytest.Drop: unavailable, canarytest.DropAfter: unavailable, canarytest.Unavailable: unavailable,
		canarytest.Refuse: refused, canarytest.Garble: badAnswer, canarytest.Redirect: badAnswer, canarytest.Login: badAnswer,
		canarytest.Ignore: {"WEIGHT_NOT_CONFIRMED", true},
	}
	for place, request := range map[string]struct {
		op     canarytest.Op
		before int // requests of that kind that succeed first
		step   string
	}{
		"the first look":  {canarytest.Weight, 0, "GET_WEIGHT"},
		"the second look": {canarytest.Weight, 1, "RAISE_TO_5"},
		"the change":      {canarytest.SetWeight, 0, "RAISE_TO_5"},
		"the proof":       {canarytest.Weight, 2, "RAISE_TO_5"},
	} {
		for fault, want := range answers {
			if fault == canarytest.Ignore && request.op != canarytest.SetWeight {
				continue
			}
			for _, scratch := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t, canary.Config{})
					l.Inject(tenantID, request.op, 0, request.before)
					l.Inject(tenantID, request.op, fault, 1)
					run := executortest.NewRun(t)
					info := wantFailure(t, run.Execute(l), want.code, want.retryable)
					if info.Step != request.step {
						t.Errorf("%s, fault %d: failed in step %s", place, fault, info.Step)
					}
					again := run.Again
					if scratch {
						again = run.FromScratch
					}
					run, err := again(executortest.Attempt(2)).Finish(l)
					if err != nil {
						t.Fatalf("%s, fault %d: %v", place, fault, err)
					}
					l.wantWeight(t, 100)
					if late := l.DeliverLate(); len(late) > 1 || len(late) == 1 && late[0] != http.StatusConflict {
						t.Errorf("what was late ended with %d", late)
					}
					l.wantWeight(t, 100)
					if err := run.FromScratch().Rollback(l); err != nil {
						t.Fatalf("%s, fault %d: %v", place, fault, err)
					}
					l.wantWeight(t, 0)
				})
			}
		}
	}
}

func TestATenantThatTheWeightsDoNotKnow(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{})
	wantFailure(t, executortest.NewRun(t, executortest.Tenant("nobody")).Execute(l), "TENANT_NOT_FOUND", false)
}

func TestRetryWithinAnAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, canary.Config{Retry: executor.Retry{Attempts: 3}})
		l.Inject(tenantID, canarytest.SetWeight, canarytest.Unavailable, 1)
		l.Inject(tenantID, canarytest.SetWeight, canarytest.TimeOutAfter, 1)
		if _, err := executortest.NewRun(t).Finish(l); err != nil {
			t.Fatal(err)
		}
		l.wantSet(t, 5, 25, 50, 100)
	})
}

// TestATenantThatMovedOnIsLeftAlone changes the weight as somebody else would, at several moments.
func TestATenantThatMovedOnIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		runs int // of the task before the change
		redo func(*executortest.Run, *lab) error
	}{
		"in the first hold":      {1, func(r *executortest.Run, l *lab) error { return r.Again().Execute(l) }},
		"in a later hold":        {3, func(r *executortest.Run, l *lab) error { return r.Again().Execute(l) }},
		"before a new beginning": {1, func(r *executortest.Run, l *lab) error { return r.FromScratch().Execute(l) }},
		"before the rollback":    {2, func(r *executortest.Run, l *lab) error { return r.Again().Rollback(l) }},
		"after success":          {5, func(r *executortest.Run, l *lab) error { return r.FromScratch().Rollback(l) }},
	} {
		l := newLab(t, canary.Config{})
		run := executortest.NewRun(t)
		for n := range c.runs {
			if n > 0 {
				run = run.Again()
			}
			if err := run.Execute(l); (err == nil) != (n == 4) {
				t.Fatalf("%s: run %d: %v", name, n, err)
			}
		}
		l.Put(canarytest.Tenant{ID: tenantID, Weight: 77})
		before := len(l.Calls(tenantID, canarytest.SetWeight))
		wantFailure(t, c.redo(run, l), task.CodeTenantMovedOn, false)
		l.wantWeight(t, 77)
		if len(l.Calls(tenantID, canarytest.SetWeight)) != before {
			t.Errorf("%s: it was touched", name)
		}
	}
}

// TestAChangeThatArrivesLateIsRefused delivers changes that were answered with 504 after the task
// has gone back: the put-back and the undo make their change even if there is nothing to change,
// so that the service knows a newer token.
func TestAChangeThatArrivesLateIsRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{})
	l.Inject(tenantID, canarytest.SetWeight, canarytest.Late, 1)
	run := executortest.NewRun(t)
	wantFailure(t, run.Execute(l), "WEIGHTS_TIMEOUT", true)
	run = run.Again()
	if err := run.Rollback(l); err != nil {
		t.Fatal(err)
	}
	if got := l.DeliverLate(); len(got) != 1 || got[0] != http.StatusConflict {
		t.Errorf("the late change ended with %d", got)
	}
	l.wantWeight(t, 0)

	// The put-back is late, and the attempt after the next begins anew.
	l.Report(tenantID, bad())
	l.Inject(tenantID, canarytest.SetWeight, 0, 1)
	l.Inject(tenantID, canarytest.SetWeight, canarytest.Late, 1)
	run, err := run.FromScratch(executortest.Attempt(2)).Finish(l)
	info := wantFailure(t, err, "WEIGHTS_TIMEOUT", true)
	if info.Step != "PUT_BACK" || !containsAll(info.Reason, "the weight of 5 percent could not be put back", "errorRate 0.12") {
		t.Errorf("%+v", info)
	}
	l.wantWeight(t, 5)
	run = run.Again(executortest.Attempt(3))
	wantFailure(t, run.Execute(l), canary.CodeHealthFailed, false)
	l.wantWeight(t, 0)
	_, err = run.Again(executortest.Attempt(4)).Finish(l)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.DeliverLate(); len(got) != 1 || got[0] != http.StatusConflict {
		t.Errorf("the late put-back ended with %d", got)
	}
	l.wantWeight(t, 100)
}

// odd is a service of weights that answers with one that there cannot be, or breaks a rule.
type odd struct {
	weight int
	set    func(ctx context.Context) error
}

func (o *odd) Weight(context.Context, string) (int, error) { return o.weight, nil }
func (o *odd) SetWeight(ctx context.Context, c canary.Change) error {
	if err := o.set(ctx); err != nil {
		return err
	}
	o.weight = c.To
	return nil
}

func TestAWeightThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	for _, weight := range []int{-1, 101} {
		e, err := canary.New(&odd{weight: weight}, well{}, canary.Config{})
		if err != nil {
			t.Fatal(err)
		}
		wantFailure(t, executortest.NewRun(t).Execute(e), canary.CodeWeightInvalid, false)
	}
}

// well is a health service whose checks pass.
type well struct{}

func (well) Check(context.Context, canary.Probe) (canary.Report, error) {
	return canary.Report{Verdict: canary.Passed}, nil
}

// TestWhyAChangeEnded checks what a change that ends with its context means: the service's own
// error, the step's timeout, or nothing that is a failure of the step.
func TestWhyAChangeEnded(t *testing.T) {
	t.Parallel()
	until := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	synctest.Test(t, func(t *testing.T) {
		e, err := canary.New(&odd{set: until}, well{}, canary.Config{Timeout: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		wantFailure(t, executortest.NewRun(t).Execute(e), executor.CodeStepTimeout, true)
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	e, err := canary.New(&odd{set: func(ctx context.Context) error { cancel(executor.ErrShutdown); return until(ctx) }}, well{}, canary.Config{})
	if err != nil {
		t.Fatal(err)
	}
	run := executortest.NewRun(t)
	if err := e.Execute(ctx, run.Run); !errors.Is(err, executor.ErrShutdown) {
		t.Errorf("Execute: %v", err)
	}
	if c := run.Task().Checkpoint; c.Step != "GET_WEIGHT" {
		t.Errorf("checkpoint %s %s", c.Step, c.Data)
	}
}

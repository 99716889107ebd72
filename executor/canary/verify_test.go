package canary_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// released returns the run after one that has raised the weight to 100 percent, with three
// inconclusive checks there.
func released(t *testing.T, l *lab) *executortest.Run {
	t.Helper()
	l.Report(tenantID, canary.Report{Verdict: canary.Passed}, none(), none(), none())
	run, err := executortest.NewRun(t).Finish(l)
	if err != nil {
		t.Fatal(err)
	}
	l.wantWeight(t, 100)
	return run.Again()
}

// TestVerify lets the check after the MinSuccessTime find everything that it can find.
func TestVerify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		report canary.Report
		before func(*lab)
		code   string // of the failure, "" for none
		reason string
		waits  bool // for another check
		weight int
	}{
		"good":         {weight: 100},
		"bad":          {report: bad(), code: canary.CodeHealthFailed, reason: "at 100 percent: 1 failed, 0 inconclusive, 0 missing checks (failed: errorRate 0.12, p99Millis 820: too slow); the weight was put back to 0 percent"},
		"inconclusive": {report: none(), waits: true, weight: 100},
		"missing":      {before: func(l *lab) { l.Inject(tenantID, canarytest.Check, canarytest.Login, 1) }, waits: true, weight: 100},
		"no weight":    {before: func(l *lab) { l.Inject(tenantID, canarytest.Weight, canarytest.Unavailable, 1) }, waits: true, weight: 100},
		"moved on": {
			before: func(l *lab) { l.Put(canarytest.Tenant{ID: tenantID, Weight: 7}) },
			code:   task.CodeTenantMovedOn, reason: "somebody else has moved it on", weight: 7,
		},
		"bad, and it cannot be put back": {
			report: bad(), before: func(l *lab) { l.Inject(tenantID, canarytest.SetWeight, canarytest.Refuse, 1) },
			code: "WEIGHTS_REFUSED", reason: "could not be put back", weight: 100,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, canary.Config{Steps: canary.Steps(time.Hour, 50, 100)})
			run := released(t, l)
			if c.before != nil {
				c.before(l)
			}
			if c.report.Verdict != 0 {
				l.Report(tenantID, c.report)
			}
			err := run.Verify(l)
			l.wantWeight(t, c.weight)
			if after, later := executor.ResumeIn(err); later != c.waits || c.waits && after != 30*time.Second {
				t.Fatalf("Verify: %v", err)
			}
			switch {
			case c.code != "":
				if info := wantFailure(t, err, c.code, false); !strings.Contains(info.Reason, c.reason) {
					t.Errorf("reason %s", info.Reason)
				}
			case c.waits:
				if _, err = run.Again().Finish(l); err != nil { // the engine calls Execute after the wait
					t.Errorf("after the wait: %v", err)
				}
				l.wantSet(t, 50, 100)
			case err != nil:
				t.Errorf("Verify: %v", err)
			}
		})
	}
}

// TestWhereverVerifyIsInterruptedABadWeightIsPutBack interrupts a check that finds the health bad,
// at every write. The retry after that begins at the first step.
func TestWhereverVerifyIsInterruptedABadWeightIsPutBack(t *testing.T) {
	t.Parallel()
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, canary.Config{Steps: canary.Steps(time.Hour, 50, 100)})
			run := released(t, l)
			l.Report(tenantID, bad(), bad())
			run = run.Again(interruption)
			err := run.Verify(l)
			if errors.Is(err, executortest.ErrCrashed) || errors.Is(err, executor.ErrStopped) {
				run = run.Again()
				err = run.Verify(l)
			}
			wantFailure(t, err, canary.CodeHealthFailed, false)
			l.wantWeight(t, 0)
			if c := run.Task().Checkpoint; c.Step != "PUT_BACK" {
				t.Errorf("checkpoint %s %s", c.Step, c.Data)
			}
			l.Heal()
			if _, err := run.Again(executortest.Attempt(2)).Finish(l); err != nil {
				t.Fatal(err)
			}
			l.wantWeight(t, 100)
		})
	}
}

func TestWhatWasNotReleasedIsNotVerified(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{})
	wantFailure(t, executortest.NewRun(t).Verify(l), executor.CodeCheckpointInvalid, false)
	run := executortest.NewRun(t)
	if _, later := executor.ResumeIn(run.Execute(l)); !later {
		t.Fatal("it did not wait")
	}
	wantFailure(t, run.Again().Verify(l), executor.CodeCheckpointInvalid, false)
	wantFailure(t, run.Again(executortest.Checkpoint("N", 7)).Verify(l), executor.CodeCheckpointInvalid, false)
	l.wantSet(t, 5)
}

// TestAReleaseProvesItself releases two tenants with a MinSuccessTime of an hour. One turns bad
// after it, and gets its weight back. The other has no traffic then: it is checked again until it
// has, and proves itself for another hour.
func TestAReleaseProvesItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := canarytest.NewWorld(canarytest.Tenant{ID: "a"}, canarytest.Tenant{ID: "b"})
		good := canary.Report{Verdict: canary.Passed}
		w.Report("a", good, bad())
		w.Report("b", good, none(), none(), good, good)
		engine, _ := process(t, memstore.New(), connect(t, w, canary.Config{Steps: canary.Steps(time.Minute, 100)}), 2)
		began := time.Now()
		p, err := engine.Create(t.Context(), plan.Spec{
			Name: "canary", ExecutorType: canary.Type, Tenants: plan.Tenants("a", "b"),
			Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(2), MaxFailures: strategy.Count(1), MinSuccessTime: time.Hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := engine.Start(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		rests(t, engine, p.ID, plan.Completed)
		if took, want := time.Since(began), 2*time.Hour+2*time.Minute; took < want || took > want+time.Minute {
			t.Errorf("took %s", took)
		}
		failed, err := engine.Task(t.Context(), task.NewID(p.ID, 1))
		if err != nil || failed.State != task.Failed || failed.Failure.ErrorCode != canary.CodeHealthFailed {
			t.Errorf("%s %+v, %v", failed.State, failed.Failure, err)
		}
		a, _ := w.Weight("a")
		b, _ := w.Weight("b")
		if !slices.Equal([]int{a, b}, []int{0, 100}) || len(w.Calls("b", canarytest.SetWeight)) != 1 {
			t.Errorf("weights %d and %d", a, b)
		}
	})
}

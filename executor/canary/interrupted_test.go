package canary_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

// TestWhereverItIsInterruptedItGetsThereAndBack interrupts the release at every write. Each weight
// is set once, each hold takes place once, and the rollback returns the tenant.
func TestWhereverItIsInterruptedItGetsThereAndBack(t *testing.T) {
	t.Parallel()
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, canary.Config{})
			l.Report(tenantID, none())
			run, err := executortest.NewRun(t, interruption).Finish(l)
			if err != nil {
				t.Fatal(err)
			}
			l.wantSet(t, 5, 25, 50, 100)
			holds := slices.DeleteFunc(run.Waits(), func(d time.Duration) bool { return d != 5*time.Minute })
			if len(holds) != 4 {
				t.Errorf("waited %s", run.Waits())
			}
			if err := run.FromScratch().Rollback(l); err != nil {
				t.Fatal(err)
			}
			l.wantWeight(t, 0)
		})
	}
}

// TestWhereverItIsInterruptedABadWeightIsPutBack interrupts a release whose second step is bad at
// every write. The weight is put back, the failure has the figures, and nothing rises after the
// verdict.
func TestWhereverItIsInterruptedABadWeightIsPutBack(t *testing.T) {
	t.Parallel()
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, canary.Config{})
			l.Report(tenantID, canary.Report{Verdict: canary.Passed}, bad(), bad(), bad())
			// A crash after the first check repeats it, so it may be the one that is bad.
			run, err := executortest.NewRun(t, interruption).Finish(l)
			info := wantFailure(t, err, canary.CodeHealthFailed, false)
			if want := "percent: 1 failed, 0 inconclusive, 0 missing checks (failed: errorRate 0.12, p99Millis 820: too slow); the weight was put back to 0 percent"; !containsAll(info.Reason, want) {
				t.Errorf("reason %s", info.Reason)
			}
			l.wantWeight(t, 0)
			changes := l.Calls(tenantID, canarytest.SetWeight)
			first := slices.IndexFunc(changes, func(c canarytest.Call) bool { return c.To == 0 })
			seen := map[int]bool{}
			for _, c := range changes[:first] {
				if seen[c.To] {
					t.Errorf("%d percent was set twice", c.To)
				}
				seen[c.To] = true
			}
			for _, c := range changes[first:] {
				if c.To != 0 || c.Key != "1000001/PUT_BACK" {
					t.Errorf("after the put-back: %+v", c)
				}
			}
			if c := run.Task().Checkpoint; c.Step != "PUT_BACK" {
				t.Errorf("checkpoint %s %s", c.Step, c.Data)
			}
		})
	}
}

func TestWhereverTheRollbackIsInterruptedItGetsBack(t *testing.T) {
	t.Parallel()
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, canary.Config{})
			run, err := executortest.NewRun(t).Finish(l)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := run.FromScratch(interruption).FinishRollback(l); err != nil {
				t.Fatal(err)
			}
			l.wantWeight(t, 0)
		})
	}
}

// TestAStopDoesNotKeepABadWeight stops the task in the save of the verdict. The weight is put back
// in that run all the same, and the failure comes in the next one.
func TestAStopDoesNotKeepABadWeight(t *testing.T) {
	t.Parallel()
	for _, stop := range []task.Stop{task.StopPause, task.StopCancel} {
		l := newLab(t, canary.Config{})
		l.Report(tenantID, bad())
		run := executortest.NewRun(t)
		if _, later := executor.ResumeIn(run.Execute(l)); !later {
			t.Fatal("it did not wait")
		}
		run = run.Again(executortest.StopAt(1, stop))
		if err := run.Execute(l); !errors.Is(err, executor.ErrStopped) {
			t.Errorf("Execute: %v", err)
		}
		l.wantWeight(t, 0)
		checks := len(l.Calls(tenantID, canarytest.Check))
		wantFailure(t, run.Again().Execute(l), canary.CodeHealthFailed, false)
		l.wantWeight(t, 0)
		if len(l.Calls(tenantID, canarytest.Check)) != checks {
			t.Error("the health was checked again")
		}
	}
}

// TestAVerdictIsCarriedOutByWhoeverGoesOn crashes between the verdict and the put-back. The health
// is good again by then, and the weight is put back nevertheless.
func TestAVerdictIsCarriedOutByWhoeverGoesOn(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{})
	l.Report(tenantID, bad())
	run := executortest.NewRun(t)
	if _, later := executor.ResumeIn(run.Execute(l)); !later {
		t.Fatal("it did not wait")
	}
	run = run.Again(executortest.CrashAfter(1))
	if err := run.Execute(l); !errors.Is(err, executortest.ErrCrashed) {
		t.Fatal(err)
	}
	l.wantWeight(t, 5)
	run = run.Again()
	wantFailure(t, run.Execute(l), canary.CodeHealthFailed, false)
	l.wantWeight(t, 0)

	// The next attempt begins at the first step.
	if _, err := run.Again(executortest.Attempt(2)).Finish(l); err != nil {
		t.Fatal(err)
	}
	l.wantWeight(t, 100)
}

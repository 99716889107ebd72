package executor_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

// holds is an executor with two holds. It counts, per hold, how often it found it over.
type holds struct{ over [2]int }

type held struct {
	N    int           `json:"n"`
	Hold executor.Hold `json:"hold"`
}

func (h *holds) Execute(ctx context.Context, run *executor.Run) error {
	var at held
	if _, begun, err := run.Restore(&at); err != nil {
		return err
	} else if begun {
		if err := run.AwaitHold(at.Hold); err != nil {
			return err
		}
		h.over[at.N-1]++
	}
	if at.N == len(h.over) {
		return nil
	}
	at.N++
	at.Hold = run.BeginHold(time.Duration(at.N) * time.Minute)
	return run.SaveHold(ctx, "HOLD", at, at.Hold)
}

// TestAHoldTakesPlaceOnce interrupts an executor with holds at every write. Each hold takes place
// exactly once: a crash between the save and the wait does not skip the wait, a stop there does not
// repeat it, and neither does a crash after it.
func TestAHoldTakesPlaceOnce(t *testing.T) {
	t.Parallel()
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			x := &holds{}
			run, err := executortest.NewRun(t, interruption).Finish(x)
			if err != nil || x.over[0] == 0 || x.over[1] != 1 {
				t.Errorf("over %v: %v", x.over, err)
			}
			if want := []time.Duration{time.Minute, 2 * time.Minute}; !slices.Equal(run.Waits(), want) {
				t.Errorf("waited %s", run.Waits())
			}
		})
	}
}

func TestAHoldBeginsAlthoughTheTaskIsToStop(t *testing.T) {
	t.Parallel()
	x := &holds{}
	run := executortest.NewRun(t, executortest.StopAt(1, task.StopPause))
	err := run.Execute(x)
	after, later := executor.ResumeIn(err)
	if !errors.Is(err, executor.ErrStopped) || !later || after != time.Minute {
		t.Fatalf("Execute: %v", err)
	}
	if err := run.Again(executortest.LoseAt(1)).Execute(x); !errors.Is(err, executor.ErrLost) || x.over[0] != 1 {
		t.Errorf("after the hold: %v, over %v", err, x.over)
	}
}

func TestAHoldThatIsNotSavedIsNone(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		option executortest.Option
		want   error
	}{
		"lost":      {executortest.LoseAt(1), executor.ErrLost},
		"failed":    {executortest.FailAt(1, boom), boom},
		"too large": {executortest.Limits(checkpoint.Limits{Data: 2}), checkpoint.ErrTooLarge},
	} {
		run := executortest.NewRun(t, c.option)
		err := run.Execute(&holds{})
		if _, later := executor.ResumeIn(err); later || !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if len(run.Waits()) != 0 {
			t.Errorf("%s: waited %s", name, run.Waits())
		}
	}
}

// TestOnlyTheWaitOfAHoldEndsIt calls AwaitHold after other waits than that of the hold.
func TestOnlyTheWaitOfAHoldEndsIt(t *testing.T) {
	t.Parallel()
	then := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)
	before := executor.NewRun(task.Task{Control: task.Control{Wait: task.Wait{Why: task.WaitHold, Until: then}}}, nil, 1, discard{})
	hold := before.BeginHold(time.Hour)
	first := executor.NewRun(task.Task{}, nil, 1, discard{}).BeginHold(time.Hour)
	for name, c := range map[string]struct {
		hold executor.Hold
		wait task.Wait
		over bool
	}{
		"none, for the first hold":     {first, task.Wait{}, false},
		"the first one":                {first, task.Wait{Why: task.WaitHold, Until: then}, true},
		"the one before":               {hold, task.Wait{Why: task.WaitHold, Until: then.Local()}, false},
		"a later one":                  {hold, task.Wait{Why: task.WaitHold, Until: then.Add(time.Hour)}, true},
		"by a clock that was set back": {hold, task.Wait{Why: task.WaitHold, Until: then.Add(-time.Hour)}, true},
		"before a retry":               {hold, task.Wait{Why: task.WaitBackoff, Until: then.Add(time.Hour)}, false},
		"of a proof":                   {hold, task.Wait{Why: task.WaitProving, Until: then.Add(time.Hour)}, false},
		"none any more":                {hold, task.Wait{}, false},
	} {
		run := executor.NewRun(task.Task{Control: task.Control{Wait: c.wait}}, nil, 1, discard{})
		err := run.AwaitHold(c.hold)
		if after, later := executor.ResumeIn(err); (err == nil) != c.over || later == c.over || !c.over && after != time.Hour {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAHoldOfNoTimeIsOverInTheNextRun(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t)
	hold := run.BeginHold(-time.Hour)
	var seen []error
	x := executor.Func(func(_ context.Context, run *executor.Run) error {
		seen = append(seen, run.AwaitHold(hold))
		return seen[len(seen)-1]
	})
	if last, err := run.Finish(x); err != nil || len(seen) != 2 || !slices.Equal(last.Waits(), []time.Duration{0}) {
		t.Errorf("%v, %v, waited %s", err, seen, last.Waits())
	}
}

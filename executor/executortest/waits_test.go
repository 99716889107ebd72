package executortest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

// waiter saves and waits three times, then returns its result.
func waiter(result error) executor.Func {
	return func(ctx context.Context, run *executor.Run) error {
		n := 0
		if _, _, err := run.Restore(&n); err != nil {
			return err
		}
		if n == 3 {
			return result
		}
		if err := run.Save(ctx, "WAIT", n+1); err != nil {
			return err
		}
		return executor.ResumeAfter(time.Duration(n+1) * time.Minute)
	}
}

// TestARunIsInterruptedOnceAcrossItsWaits checks that Finish counts the writes of all runs, and
// that every wait is recorded but those that a stop or a crash prevented.
func TestARunIsInterruptedOnceAcrossItsWaits(t *testing.T) {
	t.Parallel()
	tokens := map[task.Token]bool{}
	n := 0
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			n++
			last, err := executortest.NewRun(t, interruption).Finish(waiter(nil))
			if err != nil || len(last.Saved()) < 3 {
				t.Fatalf("%v, saved %s", err, last.Saved())
			}
			tokens[last.Token()] = true
			want := []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute}
			if at := (n - 1) % 4; at < 3 && (n-1)/4 != 1 { // crashed or stopped after the save: no wait
				want = slices.Delete(want, at, at+1)
			}
			if !slices.Equal(last.Waits(), want) {
				t.Errorf("waited %s, want %s", last.Waits(), want)
			}
		})
	}
	if n != 12 || len(tokens) > 2 {
		t.Errorf("%d visits, tokens %v", n, tokens)
	}
}

func TestTheWaitOfATaskIsTheStores(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	run := executortest.NewRun(t)
	var until []time.Time
	for range 3 {
		if err := run.Execute(waiter(boom)); err == nil {
			t.Fatal("it did not wait")
		}
		until = append(until, run.Task().Wait.Until)
		run = run.Again()
	}
	if d := until[1].Sub(until[0]); d < 2*time.Minute || d > 2*time.Minute+time.Second {
		t.Errorf("the second wait took %s", d)
	}
	if run.Task().Wait.Why != task.WaitHold {
		t.Errorf("in the run after the wait: %+v", run.Task().Wait)
	}
	if err := run.Execute(waiter(boom)); !errors.Is(err, boom) || run.Task().Wait != (task.Wait{}) {
		t.Errorf("%v, after the failure: %+v", err, run.Task().Wait)
	}
}

func TestARunThatWaitsForEverIsFatal(t *testing.T) {
	t.Parallel()
	b := &broken{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = executortest.NewRun(b).Finish(executor.Func(func(context.Context, *executor.Run) error { return executor.ResumeAfter(0) }))
	}()
	<-done
	if !b.failed {
		t.Error("accepted")
	}
}

package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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

// stepClock is a store's clock that a test sets forward and back.
type stepClock struct{ off atomic.Int64 }

func (c *stepClock) now() time.Time       { return time.Now().Add(time.Duration(c.off.Load())) }
func (c *stepClock) step(d time.Duration) { c.off.Add(int64(d)) }

// timed is a rule that lets four hours pass between the start of a plan and an event.
type timed struct {
	x    executor.TaskExecutor
	edit func(*plan.Spec)
	// event is the cause of the event; ordinal is its task, 0 for the plan itself.
	event   string
	ordinal int
	ends    plan.State
	// byWorker means that a worker measures the time, and not the store; anew, that the next worker
	// begins to measure anew.
	byWorker, anew bool
}

// ruled is the time of every rule.
const ruled = 4 * time.Hour

// timedRules are the rules about time, each with the event that it delays.
func timedRules() map[string]timed {
	return map[string]timed{
		"bake": {
			x: newDiary(), edit: func(s *plan.Spec) {
				s.Strategy.WaveSizes, s.Strategy.BakeTime = []strategy.Amount{strategy.Count(1)}, ruled
			},
			event: "claim", ordinal: 2,
		},
		"last bake": {x: newDiary(), edit: func(s *plan.Spec) { s.Strategy.FinalBakeTime = ruled }, event: "success"},
		"window":    {x: newDiary(), edit: func(s *plan.Spec) { s.Strategy.Windows = nightly("UTC", 4, 5) }, event: "claim", ordinal: 1},
		"backoff":   {x: executor.Func(failsAtFirst), edit: func(s *plan.Spec) { s.Strategy.Retry.Attempts = 2 }, event: "success", ordinal: 1},
		"hold":      {x: &holding{times: 1, each: ruled}, edit: func(*plan.Spec) {}, event: "success", ordinal: 1},
		"proof":     {x: newDiary(), edit: func(s *plan.Spec) { s.Strategy.MinSuccessTime = ruled }, event: "success", ordinal: 1},
		"timeout": {
			x: executor.Func(reporting), edit: func(s *plan.Spec) { s.Strategy.TaskTimeout = ruled },
			event: "failure", ordinal: 1, ends: plan.Failed, byWorker: true,
		},
		"stall": {
			x: executor.Func(untilInterrupted), edit: func(s *plan.Spec) { s.Strategy.ProgressDeadline = ruled },
			event: "failure", ordinal: 1, ends: plan.Failed, byWorker: true, anew: true,
		},
	}
}

// reporting reports progress every ten minutes until it is interrupted.
func reporting(ctx context.Context, run *executor.Run) error {
	for {
		run.Progress(executor.Progress{})
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Minute):
		}
	}
}

// failsAtFirst fails in its first attempt, and asks for a retry after the time of all rules.
func failsAtFirst(_ context.Context, run *executor.Run) error {
	if run.Attempt() > 1 {
		return nil
	}
	return &executor.Error{Code: "BUSY", Retryable: true, RetryAfter: ruled, Err: errors.New("busy")}
}

// disturbance happens two hours after the start of a plan.
type disturbance struct {
	restart bool
	step    time.Duration // of the store's clock
}

// away is how long no engine runs in a restart.
const away = time.Minute

// What a rule delays happens when its time is over by the store's clock, not earlier and little
// later, also if all engines are restarted meanwhile, and if the clock steps.
func TestTimesOverRestartsAndSteps(t *testing.T) {
	t.Parallel()
	disturbances := map[string]disturbance{"undisturbed": {}, "restart": {restart: true}}
	for name, step := range map[string]time.Duration{"a step forward": time.Hour, "a step beyond the end": 150 * time.Minute, "a step back": -3 * time.Hour} {
		disturbances[name] = disturbance{step: step}
		disturbances["restart and "+name] = disturbance{restart: true, step: step}
	}
	for rule := range timedRules() {
		for name, d := range disturbances {
			t.Run(rule+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { timedRules()[rule].over(t, d) })
			})
		}
	}
}

// over runs a plan under the rule, disturbs it, and checks when the event happens.
func (r timed) over(t *testing.T, d disturbance) {
	t.Helper()
	clock := &stepClock{}
	s := memstore.NewWith(memstore.Config{Clock: clock.now})
	c := cutover.Config{Executors: executor.Registry{"X": r.x}, PollInterval: 10 * time.Second, LeaseTTL: 5 * time.Minute}
	engines := []*process{startProcess(t, s, c), startProcess(t, s, c)}
	sp := spec("a", "b")
	r.edit(&sp)
	began := time.Now()
	id := launch(t, engines[0].Engine, sp)
	time.Sleep(ruled / 2)
	if d.restart {
		for _, p := range engines {
			p.end(t)
		}
		time.Sleep(away)
	}
	clock.step(d.step)
	stepped := clock.now()
	e := engines[0].Engine
	if d.restart {
		e = startProcess(t, s, c).Engine
	}
	const slack = time.Minute + 30*time.Second
	at := r.happens(t, e, id)
	want := began.Add(ruled)
	switch {
	case r.byWorker:
		want = want.Add(d.step)
		if r.anew && d.restart {
			want = stepped.Add(ruled)
		} else if d.restart {
			want = want.Add(away)
		}
	case stepped.After(want):
		want = stepped
	}
	if at.Before(want) || at.After(want.Add(slack)) {
		t.Errorf("%s at %s, want %s", r.event, at.Sub(began), want.Sub(began))
	}
	rests(t, e, id, cmp.Or(r.ends, plan.Completed))
}

// happens waits for the event and returns its time by the store's clock.
func (r timed) happens(t *testing.T, e *cutover.Engine, id plan.ID) time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 48*time.Hour)
	defer cancel()
	for ev, err := range e.Watch(ctx, id, 0) {
		if err != nil {
			t.Fatalf("no %s: %v", r.event, err)
		}
		if ev.Cause == r.event && ev.Task.Ordinal() == r.ordinal {
			return ev.At
		}
	}
	t.Fatalf("no %s", r.event)
	return time.Time{}
}

// A plan asks for an approval once, and the approval opens the wave once, whatever happens to the
// engines and to the store's clock meanwhile. A bake that is over stays over.
func TestApprovalsOverRestartsAndSteps(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"no step": 0, "a step forward": 30 * time.Hour, "a step back": -30 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				clock := &stepClock{}
				s := memstore.NewWith(memstore.Config{Clock: clock.now})
				c := cutover.Config{Executors: executor.Registry{"X": newDiary()}}
				first := startProcess(t, s, c)
				sp := sized(3)
				sp.Strategy.FirstBakeTime = time.Hour
				sp.Strategy.Waves = []strategy.Wave{{Size: strategy.Count(1)}, {Size: strategy.Count(1), Approval: true}, {Approval: true}}
				id := launch(t, first.Engine, sp)
				rests(t, first.Engine, id, plan.Running)
				first.end(t)
				clock.step(step)
				second := startProcess(t, s, c)
				time.Sleep(time.Hour) // it is at rest, so a step that nobody asked for would show below
				second.end(t)
				mustPlan(t)(newEngine(t, s, c).Approve(t.Context(), id, 0)) // by a process that does not run
				third := startProcess(t, s, c)
				began := time.Now()
				rests(t, third.Engine, id, plan.Running)
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("the second wave took %s", took)
				}
				mustPlan(t)(third.Reject(t.Context(), id, 0))
				third.end(t)
				clock.step(-step)
				e := running(t, s, c.Executors)
				rests(t, e, id, plan.Paused)
				mustPlan(t)(e.Resume(t.Context(), id))
				rests(t, e, id, plan.Running)
				mustPlan(t)(e.Approve(t.Context(), id, 3))
				rests(t, e, id, plan.Completed)
				want := []string{
					"create", "start", "wave 1", "bake 1", "approval 2", "approve 2", "wave 2", "approval 3",
					"reject 3", "resume", "approval 3", "approve 3", "wave 3", "success",
				}
				if got := causes(t, e, id); !slices.Equal(got, want) {
					t.Errorf("events %v, want %v", got, want)
				}
			})
		})
	}
}

// Tasks begin only while the window is open by the store's clock, if that clock leaves the window
// and comes back to it several times; in the end all of them have begun.
func TestWindowsOverSteps(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart=", restart), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				clock, x := &stepClock{}, newDiary()
				x.takes = 10 * time.Minute
				s := memstore.NewWith(memstore.Config{Clock: clock.now})
				c := cutover.Config{Executors: executor.Registry{"X": x}, PollInterval: 10 * time.Second, ShutdownGrace: time.Hour}
				p := startProcess(t, s, c)
				sp := spec(tenantsOf("t", 40)...)
				sp.Strategy.Windows = nightly("UTC", 2, 4)
				id := launch(t, p.Engine, sp)
				for _, step := range []time.Duration{-time.Hour, 2 * time.Hour, -90 * time.Minute, 25 * time.Hour, -3 * time.Hour} {
					time.Sleep(135 * time.Minute) // 5 minutes before a task ends
					if restart {
						p.end(t)
						p = startProcess(t, s, c)
					}
					clock.step(step)
				}
				for end := time.Now().Add(7 * 24 * time.Hour); time.Now().Before(end) && taskOf(t, p.Engine, id, 40).State != task.Completed; {
					time.Sleep(time.Hour)
				}
				rests(t, p.Engine, id, plan.Completed)
				begun := claims(t, p.Engine, id)
				for i, at := range begun {
					if at.Hour() != 2 && at.Hour() != 3 {
						t.Errorf("task %d began at %s", i+1, at)
					}
				}
				if len(begun) != 40 {
					t.Errorf("%d tasks began", len(begun))
				}
			})
		})
	}
}

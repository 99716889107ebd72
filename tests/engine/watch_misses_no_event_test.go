package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// collect watches a plan until the event with which it comes to rest.
func collect(ctx context.Context, t *testing.T, e *cutover.Engine, id plan.ID, after int64) []plan.Event {
	t.Helper()
	var events []plan.Event
	for ev, err := range e.Watch(ctx, id, after) {
		if err != nil {
			t.Fatal(err)
		}
		if events = append(events, ev); ev.AtRest && ev.Seq > 1 {
			break
		}
	}
	return events
}

// seqs returns the sequence numbers of events.
func seqs(events []plan.Event) []int64 {
	var got []int64
	for _, ev := range events {
		got = append(got, ev.Seq)
	}
	return got
}

func upTo(from, to int64) []int64 {
	var want []int64
	for n := from; n <= to; n++ {
		want = append(want, n)
	}
	return want
}

// Several watchers at the same time receive every event once and in order, from the beginning or
// after the first event, and however slow they are.
func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := running(t, s, executor.Registry{"X": twoSteps(func(context.Context, *executor.Run) error {
			time.Sleep(time.Second)
			return nil
		})})
		reader := newEngine(t, s, cutover.Config{}) // a process that does not run
		id := create(t, e, spec("a", "b", "c"))
		const last = 9 // create, start, three times claim and success, success of the plan
		var wg sync.WaitGroup
		for _, w := range []struct {
			engine *cutover.Engine
			after  int64
			pause  time.Duration
		}{{e, 0, 0}, {e, 1, 0}, {e, 0, time.Minute}, {reader, 0, 0}, {reader, 1, time.Second}} {
			wg.Go(func() {
				var got []int64
				for ev, err := range w.engine.Watch(t.Context(), id, w.after) {
					if err != nil {
						t.Error(err)
						return
					}
					time.Sleep(w.pause)
					if got = append(got, ev.Seq); ev.AtRest && ev.Seq > 1 {
						break
					}
				}
				if want := upTo(max(w.after, 0)+1, last); !slices.Equal(got, want) {
					t.Errorf("after %d: %v, want %v", w.after, got, want)
				}
			})
		}
		mustPlan(t)(e.Start(t.Context(), id))
		wg.Wait()
	})
}

// A Watch can be ranged over several times, and begins at the same event each time.
func TestWatchTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": twoSteps(succeed)})
		id := launch(t, e, spec("a"))
		rests(t, e, id, plan.Completed)
		watch := e.Watch(t.Context(), id, 0)
		for range 2 {
			var first int64
			for ev, err := range watch {
				if err != nil {
					t.Fatal(err)
				}
				if first == 0 {
					first = ev.Seq
				}
				if ev.Seq == 3 {
					break
				}
			}
			if first != 1 {
				t.Errorf("began at %d", first)
			}
		}
	})
}

// A watch continues with the events of the next process when the process that runs the plan ends.
func TestWatchOverRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		x := executor.Registry{"X": executor.Func(untilStopped)}
		first := startProcess(t, s, cutover.Config{Executors: x})
		id := launch(t, first.Engine, spec("a"))
		reader := newEngine(t, s, cutover.Config{})
		events := make(chan []plan.Event, 1)
		go func() { events <- collect(t.Context(), t, reader, id, 0) }()
		time.Sleep(time.Minute)
		first.stop()
		if err := <-first.done; err != nil {
			t.Fatal(err)
		}
		second := startProcess(t, s, cutover.Config{Executors: x})
		time.Sleep(time.Minute)
		mustPlan(t)(second.Cancel(t.Context(), id))
		got := <-events
		if last := got[len(got)-1]; !slices.Equal(seqs(got), upTo(1, last.Seq)) || last.Task == 0 || last.To != task.Canceled.String() {
			t.Errorf("%+v", got)
		}
	})
}

// Wait and Watch continue to wait while the store is unavailable.
func TestWaitThroughOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := running(t, m, executor.Registry{"X": &ledger{steps: 10}})
		id := launch(t, e, parallelSpec("a", "b"))
		var group sync.WaitGroup
		group.Go(func() {
			if events := collect(t.Context(), t, e, id, 0); events[len(events)-1].To != "COMPLETED" {
				t.Errorf("the last of %d events is %+v", len(events), events[len(events)-1])
			}
		})
		time.Sleep(3 * time.Second)
		m.away()
		group.Go(func() { time.Sleep(time.Minute); m.on(nil) })
		rests(t, e, id, plan.Completed)
		group.Wait()
		m.away()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := e.Wait(ctx, id); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
		m.on(nil)
	})
}

func TestWatchErrors(t *testing.T) {
	t.Parallel()
	removed := errors.New("the caller had enough")
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.NewWith(memstore.Config{MaxEvents: 5}), executor.Registry{"X": twoSteps(succeed)})
		id := launch(t, e, spec("a", "b", "c", "d"))
		rests(t, e, id, plan.Completed)
		ended, cancel := context.WithCancelCause(t.Context())
		cancel(removed)
		soon, cancelSoon := context.WithTimeout(t.Context(), time.Minute)
		defer cancelSoon()
		errs := func(ctx context.Context, id plan.ID, after int64) (n int, last error) {
			for _, err := range e.Watch(ctx, id, after) {
				n, last = n+1, err
			}
			return n, last
		}
		expect := func(want error) func(n int, err error) {
			return func(n int, err error) {
				t.Helper()
				if n != 1 || !errors.Is(err, want) {
					t.Errorf("%d times %v, want once %v", n, err, want)
				}
			}
		}
		expect(store.ErrNotFound)(errs(t.Context(), 99, 0))
		expect(store.ErrNotFound)(errs(t.Context(), 0, 0))
		expect(store.ErrTrimmed)(errs(t.Context(), id, 0))
		expect(context.Canceled)(errs(ended, id, 8))
		expect(context.DeadlineExceeded)(errs(soon, id, 11))
		var trimmed *store.TrimmedError
		for _, err := range e.Watch(t.Context(), id, 0) {
			if !errors.As(err, &trimmed) || trimmed.First != 7 {
				t.Errorf("%v, want the first kept to be 7", err)
			}
		}
	})
}

// When the engine has carried out a command, the last event has AtRest set if, and only if, the
// plan is at rest. So a caller that waits for AtRest does not wait for ever.
func TestAtRest(t *testing.T) {
	t.Parallel()
	ids := func(id plan.ID, ordinal int) task.ID { return task.NewID(id, ordinal) }
	// Tenant a is held until its task is stopped; b fails; the others complete.
	tests := map[string][]func(ctx context.Context, e *cutover.Engine, id plan.ID) error{
		"pause and resume": {
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error { _, err := e.Pause(ctx, id); return err },
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.Resume(ctx, id)
				return err
			},
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.Cancel(ctx, id)
				return err
			},
		},
		"resume of a plan whose only task is paused alone": {
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.PauseTask(ctx, ids(id, 1))
				return err
			},
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error { _, err := e.Pause(ctx, id); return err },
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.Resume(ctx, id)
				return err
			},
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.CancelTask(ctx, ids(id, 1))
				return err
			},
		},
		"retry of failed tasks in a paused plan": {
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error { _, err := e.Pause(ctx, id); return err },
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.RetryFailed(ctx, id, cutover.FromCheckpoint)
				return err
			},
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.Cancel(ctx, id)
				return err
			},
		},
		"rollback, cancelled, rolled back": {
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.Rollback(ctx, id)
				return err
			},
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.RollbackTask(ctx, ids(id, 1))
				return err
			},
		},
		"cancel of a paused plan": {
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error { _, err := e.Pause(ctx, id); return err },
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.Cancel(ctx, id)
				return err
			},
			func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
				_, err := e.Rollback(ctx, id)
				return err
			},
		},
	}
	for name, commands := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := running(t, memstore.New(), executor.Registry{"X": both{func(ctx context.Context, run *executor.Run) error {
					switch run.Tenant().ID {
					case "a":
						return untilStopped(ctx, run)
					case "b":
						return errors.New("b fails")
					}
					return nil
				}, succeed}})
				id := launch(t, e, parallelSpec("a", "b", "c"))
				for i, command := range commands {
					time.Sleep(time.Minute)
					if err := command(t.Context(), e, id); err != nil {
						t.Fatalf("command %d: %v", i, err)
					}
					time.Sleep(time.Minute)
					p, err := e.Plan(t.Context(), id)
					if err != nil {
						t.Fatal(err)
					}
					events, err := e.Events(t.Context(), id, p.LastEvent-1, 1)
					if err != nil || len(events) != 1 || events[0].AtRest != p.AtRest() {
						t.Errorf("after command %d: %s %v, at rest %t, last event %+v, %v", i, p.State, p.Counters, p.AtRest(), events, err)
					}
				}
			})
		})
	}
}

// Wait returns immediately for a plan at rest. It returns store.ErrNotFound for an unknown plan,
// and the error of the context for a plan that nobody runs.
func TestWaitInEachState(t *testing.T) {
	t.Parallel()
	plans := map[plan.State]func(ctx context.Context, e *cutover.Engine, id plan.ID) error{
		plan.Created:   func(context.Context, *cutover.Engine, plan.ID) error { return nil },
		plan.Completed: func(ctx context.Context, e *cutover.Engine, id plan.ID) error { _, err := e.Start(ctx, id); return err },
		plan.Canceled: func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
			_, err := e.Cancel(ctx, id)
			return err
		},
		plan.RolledBack: func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
			_, err := e.Start(ctx, id)
			time.Sleep(time.Minute)
			_, err2 := e.Rollback(ctx, id)
			return errors.Join(err, err2)
		},
		plan.Paused: func(ctx context.Context, e *cutover.Engine, id plan.ID) error {
			_, err := e.Start(ctx, id)
			_, err2 := e.Pause(ctx, id)
			return errors.Join(err, err2)
		},
	}
	for want, make := range plans {
		t.Run(want.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := running(t, memstore.New(), executor.Registry{"X": both{twoSteps(takeASecond), succeed}})
				id := create(t, e, spec("a", "b"))
				if err := make(t.Context(), e, id); err != nil {
					t.Fatal(err)
				}
				rests(t, e, id, want)
				began := time.Now()
				rests(t, e, id, want)
				if time.Since(began) > 0 {
					t.Errorf("waited %s for a plan at rest", time.Since(began))
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{})
		if _, err := e.Wait(t.Context(), 7); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Wait for no plan: %v", err)
		}
		id := create(t, e, spec("a"))
		mustPlan(t)(e.Start(t.Context(), id))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if p, err := e.Wait(ctx, id); !errors.Is(err, context.DeadlineExceeded) || p.State != plan.Running {
			t.Errorf("Wait for a plan that nobody runs: %s, %v", p.State, err)
		}
	})
}

// PlanEvents returns the plan events from the creation on, even if the log begins with a later
// event.
func TestPlanEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.NewWith(memstore.Config{MaxEvents: 5}), executor.Registry{"X": twoSteps(succeed)})
		id := launch(t, e, spec("a", "b", "c", "d"))
		rests(t, e, id, plan.Completed)
		if _, err := e.Events(t.Context(), id, 0, 0); !errors.Is(err, store.ErrTrimmed) {
			t.Fatalf("events: %v", err)
		}
		events, err := e.PlanEvents(t.Context(), id, 0, 0)
		var causes []string
		for _, ev := range events {
			causes = append(causes, ev.Cause)
		}
		if want := []string{"create", "start", "success"}; err != nil || !slices.Equal(causes, want) {
			t.Errorf("%q, %v, want %q", causes, err, want)
		}
		if _, err := e.PlanEvents(t.Context(), id+1, 0, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of no plan: %v", err)
		}
	})
}

package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// listened counts the subscriptions of a process to hints, and its reads.
type listened struct {
	store.Store
	begun, open atomic.Int64
	reads       atomic.Int64
}

func listening(s store.Store) *listened {
	l := &listened{}
	l.Store = storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
		if c.Method == "Events" || c.Method == "Plan" {
			l.reads.Add(1)
		}
		return c.Do(ctx)
	})
	return l
}

func (l *listened) Listen(ctx context.Context, hint func(store.Hint)) error {
	l.begun.Add(1)
	l.open.Add(1)
	defer l.open.Add(-1)
	return l.Store.Listen(ctx, hint)
}

// steadily is an executor whose runs take a second each.
func steadily(context.Context, *executor.Run) error {
	time.Sleep(time.Second)
	return nil
}

// A process that does not run learns of every event, those of tasks too, when it happens.
func TestWatchWithoutRun(t *testing.T) {
	t.Parallel()
	if *withoutHints {
		t.Skip("without hints it takes a while")
	}
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := running(t, s, executor.Registry{"X": executor.Func(steadily)})
		l := listening(s)
		reader := newEngine(t, l, cutover.Config{})
		id := create(t, e, spec("a", "b", "c", "d"))
		var all sync.WaitGroup
		all.Go(func() {
			for ev, err := range reader.Watch(t.Context(), id, 0) {
				if err != nil {
					t.Error(err)
					return
				}
				if late := time.Since(ev.At); late > 0 && ev.Seq > 1 {
					t.Errorf("event %d, %s, is seen after %s", ev.Seq, ev.Cause, late)
				}
				if ev.AtRest && ev.Seq > 1 {
					return
				}
			}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if l.begun.Load() != 1 || l.open.Load() != 1 {
			t.Errorf("%d subscriptions, %d are open", l.begun.Load(), l.open.Load())
		}
		mustPlan(t)(e.Start(t.Context(), id))
		if p, err := reader.Wait(t.Context(), id); err != nil || p.State != plan.Completed || time.Since(p.EndedAt) > 0 {
			t.Errorf("%s, ended %s before Wait: %v", p.State, time.Since(p.EndedAt), err)
		}
		all.Wait()
		synctest.Wait()
		if l.open.Load() != 0 {
			t.Errorf("%d subscriptions are left", l.open.Load())
		}
	})
}

// All who watch or wait in a process share one subscription with Run. It ends with the last of
// them, and begins again.
func TestOneListener(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := listening(memstore.New())
		p := startProcess(t, l, cutover.Config{Executors: executor.Registry{"X": executor.Func(steadily)}})
		id := create(t, p.Engine, spec("a"))
		watching := func() (stop func()) {
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					for _, err := range p.Watch(ctx, id, 0) {
						if err != nil && !errors.Is(err, context.Canceled) {
							t.Error(err)
						}
					}
				})
			}
			synctest.Wait()
			return func() { cancel(); all.Wait(); synctest.Wait() }
		}
		check := func(when string, begun, open int64) {
			t.Helper()
			if *withoutHints {
				return
			}
			if synctest.Wait(); l.begun.Load() != begun || l.open.Load() != open {
				t.Errorf("%s: %d subscriptions, %d are open, want %d and %d", when, l.begun.Load(), l.open.Load(), begun, open)
			}
		}
		check("running", 1, 1)
		stop := watching()
		check("watched", 1, 1)
		stop()
		check("not watched any more", 1, 1)
		stop = watching()
		p.end(t)
		check("watched after Run", 1, 1)
		stop()
		check("at the end", 1, 0)
		stop = watching()
		check("watched again", 2, 1)
		stop()
		check("at last", 2, 0)
		for range 10 {
			if _, err := p.Wait(t.Context(), id); err != nil { // it need not wait
				t.Error(err)
			}
		}
		check("after calls that did not wait", 2, 0)
	})
}

// Watchers of plans in which nothing happens read once in two PollIntervals.
func TestIdleWatchersReadSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := listening(memstore.New())
		e := newEngine(t, l, cutover.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 100 {
			id := create(t, e, spec("a"))
			all.Go(func() {
				for _, err := range e.Watch(ctx, id, 1) {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(time.Minute)
		l.reads.Store(0)
		time.Sleep(time.Minute)
		if n := l.reads.Load(); n < 100*60/3 || n > 100*60*6/10 {
			t.Errorf("%d reads a minute of 100 watchers", n)
		}
		cancel()
		all.Wait()
	})
}

// Without a single hint, events are seen late, and none is missed.
func TestWatchWithoutHints(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := running(t, s, executor.Registry{"X": executor.Func(steadily)})
		reader := newEngine(t, hintless{s}, cutover.Config{})
		id := launch(t, e, spec("a", "b", "c", "d"))
		var seen []int64
		for ev, err := range reader.Watch(t.Context(), id, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if late := time.Since(ev.At); late > 3*time.Second && ev.Seq > 2 {
				t.Errorf("event %d is seen after %s", ev.Seq, late)
			}
			if seen = append(seen, ev.Seq); ev.AtRest && ev.Seq > 1 {
				break
			}
		}
		if !slices.Equal(seen, upTo(1, 11)) {
			t.Errorf("events %v", seen)
		}
	})
}

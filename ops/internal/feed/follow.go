package feed

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// How often a document is read: after an event at the earliest once in planPause, and without one
// once in activePause, because counters change without events. A plan that is at rest does not
// change without an event; it is read to notice that the store is away.
const (
	planPause   = time.Second
	activePause = 2 * time.Second
	restPause   = 5 * time.Second
)

// readTimeout is how long a read may take until the store counts as away. The engine repeats reads
// that fail for longer than that.
const readTimeout = 3 * time.Second

// watch follows the log of the plan from a position on, until ctx ends or the feed.
func (f *Feed) watch(ctx context.Context, position int64) {
	for {
		err := f.take(ctx, position)
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, store.ErrEventsAhead) && !errors.Is(err, store.ErrTrimmed) {
			f.finish(err)
			return
		}
		p, failed := f.read(ctx)
		if failed != nil {
			return
		}
		position = p.LastEvent
		f.begin(position, err)
		f.see(&p)
	}
}

// take adds all events after a position, until the watch ends with an error.
func (f *Feed) take(ctx context.Context, position int64) error {
	for e, err := range f.source.Watch(ctx, f.id, position) {
		if err != nil {
			return err
		}
		f.add(&e)
	}
	return errors.New("feed: a watch has ended without an error")
}

// look reads the document now and then, until ctx ends or the feed.
func (f *Feed) look(ctx context.Context) {
	for {
		p, err := f.read(ctx)
		if err != nil {
			return
		}
		f.see(&p)
		pause := activePause
		if p.AtRest() {
			pause = restPause
		}
		if left := plan.KeptAtLeast - p.Idle; p.Over() && left > 0 {
			pause = max(planPause, min(pause, left)) // then it can be removed
		}
		wait.For(ctx, planPause)
		idle := time.NewTimer(pause - planPause)
		select {
		case <-ctx.Done():
		case <-f.touched:
		case <-idle.C:
		}
		idle.Stop()
	}
}

// read reads the plan, and repeats that while the store is away. An error means that ctx has ended
// or, by now, the feed.
func (f *Feed) read(ctx context.Context) (plan.Plan, error) {
	for {
		began := time.Now()
		p, err := briefly(ctx, func(ctx context.Context) (plan.Plan, error) { return f.source.Plan(ctx, f.id) })
		switch {
		case err == nil:
			return p, nil
		case ctx.Err() != nil:
			return p, err
		case !absent(err):
			f.finish(err)
			return p, err
		}
		f.leave(began)
		wait.For(ctx, planPause)
	}
}

// briefly makes a call that may take as long as a store that is not away.
func briefly[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return call(ctx)
}

// absent reports whether an error means that the store is away.
func absent(err error) bool {
	return store.Temporary(err) || errors.Is(err, context.DeadlineExceeded)
}

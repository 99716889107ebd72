package cutover

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Watch yields the events of a plan after a sequence number, in order and without
// gaps, and goes on live until ctx ends or the caller stops: break at an event that
// is AtRest to stop with the plan. An error is the last
// thing that it yields: store.ErrNotFound, store.ErrTrimmed if events after that
// number are not kept any more, store.ErrEventsAhead if the store has gone back in time
// behind it, or the context's. While the store is away it waits.
//
// A store goes back in time when a backup is restored, or a failover loses writes. A watch
// that is under way notices that also if the log has grown past its position meanwhile:
// the last event that it yielded is not the same any more. What the caller made of events
// that are lost did not happen: read the plan and its tasks, and watch on from its LastEvent.
func (e *Engine) Watch(ctx context.Context, id plan.ID, after int64) iter.Seq2[plan.Event, error] {
	return func(yield func(plan.Event, error) bool) {
		changed, cancel := e.events.Subscribe(id)
		defer cancel()
		last := plan.Event{Seq: after}
		for {
			events, err := e.eventsAfter(ctx, id, last)
			if err != nil && !store.Temporary(err) {
				yield(plan.Event{}, err)
				return
			}
			for _, ev := range events {
				if !yield(ev, nil) {
					return
				}
				last = ev
			}
			if len(events) > 0 {
				continue
			}
			if err := e.await(ctx, changed); err != nil {
				yield(plan.Event{}, err)
				return
			}
		}
	}
}

// eventsAfter returns the events after one that was seen, or after a bare number. The
// event that was seen is read once more: in a store that has gone back in time another
// one may have its number.
func (e *Engine) eventsAfter(ctx context.Context, id plan.ID, seen plan.Event) ([]plan.Event, error) {
	if seen.Cause == "" {
		return e.Events(ctx, id, seen.Seq, store.MaxPage)
	}
	events, err := e.Events(ctx, id, seen.Seq-1, store.MaxPage)
	switch {
	case errors.Is(err, store.ErrTrimmed):
		return e.Events(ctx, id, seen.Seq, store.MaxPage)
	case err != nil:
		return nil, err
	case len(events) == 0:
		return nil, &store.EventsAheadError{After: seen.Seq, Newest: seen.Seq - 1}
	case !sameEvent(events[0], seen):
		return nil, fmt.Errorf("plan %s: event %d is not the one that it was: %w", id, seen.Seq, store.ErrEventsAhead)
	}
	return events[1:], nil
}

// sameEvent reports whether a and b are one event, read twice.
func sameEvent(a, b plan.Event) bool {
	return a.Seq == b.Seq && a.At.Equal(b.At) && a.Task == b.Task && a.From == b.From && a.To == b.To &&
		a.Attempt == b.Attempt && a.Cause == b.Cause && a.Actor == b.Actor && a.Reason == b.Reason
}

// Wait returns the plan as soon as it is at rest: nothing happens any more without
// a command. Its State says what came of it. A plan that was not started is at rest
// in CREATED, and a running one in which a person paused all that is left, in
// RUNNING. Some process has to Run an engine for anything to happen. While the store
// is away Wait goes on, until ctx ends: hook.Hooks.OnStoreFault tells.
func (e *Engine) Wait(ctx context.Context, id plan.ID) (plan.Plan, error) {
	changed, cancel := e.rests.Subscribe(id)
	defer cancel()
	for {
		p, err := e.client.Plan(ctx, id)
		if err != nil && !store.Temporary(err) || err == nil && p.AtRest() {
			return p, err
		}
		if err := e.await(ctx, changed); err != nil {
			return p, err
		}
	}
}

// await waits for a change, or for the time after which to look without one.
func (e *Engine) await(ctx context.Context, changed signal.Flag) error {
	t := time.NewTimer(wait.Jitter(e.cfg.PollInterval / 2))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-changed:
	case <-t.C:
	}
	return nil
}

package cutover

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Watch yields the events of a plan after a sequence number, in order and without gaps, and waits
// for further ones until ctx ends or the caller stops. To stop when the plan is at rest, break at
// an event whose AtRest is set. An error ends the sequence: store.ErrNotFound; store.ErrTrimmed if
// events after that number are not kept any more; store.ErrEventsAhead if the store has gone back
// in time to before the caller's position; or the cause of the context's end. While the store is
// unavailable Watch waits.
//
// A store goes back in time when a backup is restored, or when a failover loses writes. A Watch
// that is under way notices this even if the log has grown past its position again, because it
// compares the last event that it yielded with the store's. Events that were lost did not happen:
// discard what was derived from them, read the plan and its tasks, and watch again from the plan's
// LastEvent.
//
// It makes no difference whether this process runs: events of other processes are seen within some
// milliseconds by the hints of the store, and without these within two PollIntervals.
func (e *Engine) Watch(ctx context.Context, id plan.ID, after int64) iter.Seq2[plan.Event, error] {
	return func(yield func(plan.Event, error) bool) {
		s := subscribe(e, e.events, id)
		defer s.close()
		last := plan.Event{Seq: after}
		for {
			events, err := eventsAfter(ctx, e, id, last)
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
				s.active()
				continue
			}
			if err := s.await(ctx); err != nil {
				yield(plan.Event{}, err)
				return
			}
		}
	}
}

// eventsAfter returns the events after seen, which is the last event that was yielded, or has only
// a sequence number if none was yielded. It reads the event again, because in a store that has gone
// back in time another event may have its number.
func eventsAfter(ctx context.Context, e *Engine, id plan.ID, seen plan.Event) ([]plan.Event, error) {
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

// sameEvent reports whether a and b are the same event, read twice.
func sameEvent(a, b plan.Event) bool {
	return a.Seq == b.Seq && a.At.Equal(b.At) && a.Task == b.Task && a.From == b.From && a.To == b.To &&
		a.Attempt == b.Attempt && a.Cause == b.Cause && a.Actor == b.Actor && a.Reason == b.Reason
}

// Wait waits until the plan is at rest, which means that nothing happens to it until somebody gives
// a command, and returns the plan. The plan's State shows the result. A plan that was not started
// is at rest in CREATED; a running plan is at rest in RUNNING if its next wave waits for an
// approval, which its Gate says, or if all the tasks that are left were paused individually. Wait
// goes on while a wave bakes and while the windows are closed. Nothing happens unless some process
// runs an engine. While the store is unavailable Wait goes on, until ctx ends;
// hook.Hooks.OnStoreFault reports the failures.
func (e *Engine) Wait(ctx context.Context, id plan.ID) (plan.Plan, error) {
	s := subscribe(e, e.rests, id)
	defer s.close()
	for {
		p, err := e.client.Plan(ctx, id)
		if err != nil && !store.Temporary(err) || err == nil && p.AtRest() {
			return p, err
		}
		if err := s.await(ctx); err != nil {
			return p, err
		}
	}
}

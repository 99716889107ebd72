package cutover

import (
	"context"
	"iter"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Watch yields the events of a plan after a sequence number, in order and without
// gaps, and goes on live until ctx ends or the caller stops: break at an event that
// is AtRest to stop with the plan. An error is the last
// thing that it yields: store.ErrNotFound, store.ErrTrimmed if events after that
// number are not kept any more, or the context's. While the store is away it waits.
func (e *Engine) Watch(ctx context.Context, id plan.ID, after int64) iter.Seq2[plan.Event, error] {
	return func(yield func(plan.Event, error) bool) {
		rings, cancel := e.events.subscribe(id)
		defer cancel()
		for last := after; ; {
			events, err := e.Events(ctx, id, last, store.MaxPage)
			if err != nil && !store.Temporary(err) {
				yield(plan.Event{}, err)
				return
			}
			for _, ev := range events {
				if !yield(ev, nil) {
					return
				}
				last = ev.Seq
			}
			if len(events) > 0 {
				continue
			}
			if err := e.await(ctx, rings); err != nil {
				yield(plan.Event{}, err)
				return
			}
		}
	}
}

// Wait returns the plan as soon as it is at rest: nothing happens any more without
// a command. Its State says what came of it. A plan that was not started is at rest
// in CREATED, and a running one in which a person paused all that is left, in
// RUNNING. Some process has to Run an engine for anything to happen. While the store
// is away Wait goes on, until ctx ends: Hooks.StoreFault tells.
func (e *Engine) Wait(ctx context.Context, id plan.ID) (plan.Plan, error) {
	rings, cancel := e.rests.subscribe(id)
	defer cancel()
	for {
		p, err := e.readPlan(ctx, id)
		if err != nil && !store.Temporary(err) || err == nil && p.AtRest() {
			return p, err
		}
		if err := e.await(ctx, rings); err != nil {
			return p, err
		}
	}
}

// await waits for a ring, or for the time after which to look without one.
func (e *Engine) await(ctx context.Context, rings <-chan struct{}) error {
	t := time.NewTimer(jitter(e.cfg.PollInterval / 2))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-rings:
	case <-t.C:
	}
	return nil
}

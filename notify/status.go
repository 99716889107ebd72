package notify

import (
	"cmp"
	"context"
	"errors"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Status says how a notifier does, over all processes that have it.
type Status struct {
	store.Subscription
	// Lag is how many events of the Measured plans were not sent yet: of those that are unread, the
	// ones that have waited longest, at most 100.
	Lag      int64
	Measured int
}

// Engine is what [Statuses] needs of an engine.
type Engine interface {
	Plan(ctx context.Context, id plan.ID) (plan.Plan, error)
	Subscriptions() *cutover.Subscriptions
}

// Statuses returns the status of every notifier that was ever run over the store and not ended, by
// name.
func Statuses(ctx context.Context, engine Engine) ([]Status, error) {
	subs := engine.Subscriptions()
	all, err := subs.ListSubscriptions(ctx)
	if err != nil {
		return nil, err
	}
	statuses := make([]Status, len(all))
	for i, s := range all {
		statuses[i].Subscription = s
		if err := statuses[i].measure(ctx, engine, subs); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return statuses, nil
}

// measure counts the events that were not sent.
func (s *Status) measure(ctx context.Context, engine Engine, subs *cutover.Subscriptions) error {
	unread, err := subs.Unread(ctx, s.Name, store.MaxBatch, 0)
	if err != nil || len(unread) == 0 {
		return err
	}
	ids := make([]plan.ID, len(unread))
	for i, p := range unread {
		ids[i] = p.ID
	}
	positions, err := subs.Positions(ctx, s.Cursor, ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		p, err := engine.Plan(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrCorrupt):
		case err != nil:
			return err
		default:
			s.Lag += max(0, p.LastEvent-positions[i])
			s.Measured++
		}
	}
	return nil
}

// End ends the subscription of a notifier that is not run any more: its unread plans and dead
// letters are forgotten. A notifier of this name that runs, or is run later, begins anew, at the
// present. No error if there is none.
func End(ctx context.Context, engine *cutover.Engine, name string) error {
	return cmp.Or(ctx.Err(), engine.Subscriptions().Unsubscribe(ctx, name))
}

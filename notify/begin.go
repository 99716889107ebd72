package notify

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// walkInterval is how often a process compares all plans with the cursors.
const walkInterval = time.Hour

// begin subscribes the name and puts the cursors of a new one at the present. It returns false if
// ctx ended before.
func (n *Notifier) begin(ctx context.Context) bool {
	for ctx.Err() == nil {
		s, err := n.subs.Subscribe(ctx, n.name, n.cfg.FromStart)
		if err == nil {
			if n.cursorName() != s.Cursor {
				n.mu.Lock()
				clear(n.followed)
				n.mu.Unlock()
			}
			n.cursor.Store(&s.Cursor)
			n.health.load(s.Status)
			if s.Status.Ready {
				return true
			}
			if err = n.compareAll(ctx, s.Newest); err == nil {
				if err = n.subs.ReportSubscription(ctx, n.name, n.health.ready()); err == nil {
					return true
				}
			}
		}
		n.fault("subscribe", err)
		wait.For(ctx, wait.Jitter(n.cfg.PollInterval))
	}
	return false
}

// walk compares all plans with the cursors when the notifier starts, and every hour. The store's
// list of unread plans suffices, except if a process died at a bad moment or the list was lost.
func (n *Notifier) walk(ctx context.Context) {
	for ctx.Err() == nil {
		n.fault("compare", n.compareAll(ctx, 0))
		wait.For(ctx, wait.Jitter(walkInterval))
	}
}

// compareAll makes the plans unread whose events were not read to the end, or that are not at rest.
// The cursors of plans up to newest that have not begun are put at the present.
func (n *Notifier) compareAll(ctx context.Context, newest plan.ID) error {
	q := store.PlanQuery{Limit: store.MaxBatch}
	for {
		plans, err := n.engine.Plans(ctx, q)
		if store.Temporary(err) || len(plans) == 0 && !errors.Is(err, store.ErrCorrupt) {
			return err
		} else if len(plans) == 0 {
			return nil // what is damaged has no events to read
		}
		if err := n.compare(ctx, plans, newest); err != nil {
			return err
		}
		if q.Before = plans[len(plans)-1].ID; q.Before == 1 || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (n *Notifier) compare(ctx context.Context, plans []plan.Plan, newest plan.ID) error {
	ids := make([]plan.ID, len(plans))
	for i, p := range plans {
		ids[i] = p.ID
	}
	positions, err := n.subs.Positions(ctx, n.cursorName(), ids)
	if err != nil {
		return err
	}
	var unread []plan.ID
	for i, p := range plans {
		if positions[i] == 0 && p.ID <= newest {
			if positions[i], err = n.beginAt(ctx, p); err != nil {
				return err
			}
		}
		if positions[i] < p.LastEvent || !p.AtRest() {
			unread = append(unread, p.ID)
		}
	}
	if len(unread) == 0 {
		return nil
	}
	return n.subs.MarkUnread(ctx, n.name, unread)
}

// beginAt puts the cursor of a plan that has not begun at the present, and returns its position.
func (n *Notifier) beginAt(ctx context.Context, p plan.Plan) (int64, error) {
	position, err := n.subs.Cursor(ctx, p.ID, n.cursorName(), n.owner, n.ttl())
	switch {
	case errors.Is(err, store.ErrNotFound): // the plan was removed meanwhile
		return p.LastEvent, nil
	case err != nil || position > 0: // a conflict: another process begins; the walk is repeated
		return position, err
	}
	return p.LastEvent, n.subs.MoveCursor(ctx, p.ID, n.cursorName(), n.owner, p.LastEvent)
}

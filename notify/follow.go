package notify

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// follow is what the process knows of a plan that it follows: how far it has read, and what it has
// collected or could not send yet. It is used by one turn at a time. All of it can be read from the
// store again: it is dropped when another process has moved the cursor.
type follow struct {
	id    plan.ID
	stamp uint64 // the newest stamp that Unread returned

	name     string // of the plan
	known    bool   // name is known
	position int64  // of the cursor, as far as this process knows
	sent     int64  // the last event that was sent; above position if the cursor could not be moved
	scanned  int64  // the last event that was looked at
	atRest   bool   // the plan is at rest after scanned

	group *group    // failures that wait for more
	since time.Time // when the first of them was seen

	pending *Message      // what is to be sent next
	tries   int           // how often it was tried
	failing time.Time     // when it failed first
	retryAt time.Time     // not before
	busy    chan struct{} // not nil: closed when the sink has returned from an earlier try

	quiet time.Duration // the pause after the last turn that found nothing to send; it doubles
}

// restart begins again at the position of the cursor.
func (f *follow) restart(position int64) {
	*f = follow{id: f.id, stamp: f.stamp, name: f.name, known: f.known, busy: f.busy, position: position, sent: position, scanned: position}
}

// next looks for what is to be sent next, from scanned on. Afterwards, f.pending is that message;
// or it is nil, and wait is how long failures are collected before they are sent, 0 if there are
// none.
func (n *Notifier) next(ctx context.Context, f *follow) (wait time.Duration, err error) {
	p := plan.Plan{ID: f.id, Name: f.name}
	for {
		events, err := n.engine.Events(ctx, f.id, f.scanned, store.MaxPage)
		if err != nil {
			return 0, n.lost(ctx, f, err)
		}
		for _, e := range events {
			kind, severity := classify(e)
			switch {
			case !n.cfg.Filter.plan(f.name) || !n.cfg.Filter.event(kind, severity):
			case kind == KindFailures && n.cfg.Window > 0:
				if f.group == nil {
					f.group, f.since = new(group), time.Now()
				}
				f.group.add(e)
			case f.group != nil: // e is for the next message
				f.flush(n.aboutGroup(p, f.group))
				return 0, nil
			case kind == KindFailures:
				g := new(group)
				g.add(e)
				f.scanned, f.atRest = e.Seq, e.AtRest
				f.flush(n.aboutGroup(p, g))
				return 0, nil
			default:
				f.scanned, f.atRest = e.Seq, e.AtRest
				f.flush(n.aboutEvent(kind, severity, p, e))
				return 0, nil
			}
			f.scanned, f.atRest = e.Seq, e.AtRest
		}
		if len(events) < store.MaxPage {
			break
		}
	}
	if f.group == nil {
		return 0, nil
	}
	if wait := n.cfg.Window - time.Since(f.since); wait > 0 && !f.atRest {
		return wait, nil
	}
	f.flush(n.aboutGroup(p, f.group))
	return 0, nil
}

// flush makes m the next message.
func (f *follow) flush(m *Message) {
	f.pending, f.group, f.tries, f.failing = m, nil, 0, time.Time{}
}

// lost makes the next message tell of events that cannot be read any more.
func (n *Notifier) lost(ctx context.Context, f *follow, err error) error {
	var trimmed *store.TrimmedError
	var ahead *store.EventsAheadError
	switch {
	case errors.As(err, &trimmed) && !n.cfg.Filter.plan(f.name):
		f.scanned = trimmed.First - 1
		return nil
	case errors.As(err, &trimmed) && f.group != nil: // sent first; then the loss is noticed again
		f.scanned = f.group.last.Seq
		f.flush(n.aboutGroup(plan.Plan{ID: f.id, Name: f.name}, f.group))
		return nil
	case errors.As(err, &trimmed):
		m, err := n.present(ctx, f.id, f.scanned, trimmed.First-1)
		if err == nil {
			f.scanned = trimmed.First - 1
			f.flush(m)
		}
		return err
	case errors.As(err, &ahead):
		m, err := n.present(ctx, f.id, ahead.Newest, ahead.Newest)
		if err == nil {
			f.scanned = ahead.Newest
			f.flush(m)
		}
		return err
	}
	return err
}

// present returns the message about a plan as it is now, because the events after the number after
// up to last cannot be read.
func (n *Notifier) present(ctx context.Context, id plan.ID, after, last int64) (*Message, error) {
	p, err := n.engine.Plan(ctx, id)
	if err != nil {
		return nil, err
	}
	var failed group
	q := store.TaskQuery{States: []task.State{task.Failed, task.RollbackFailed}}
	for t, err := range n.engine.AllTasks(ctx, id, q) {
		if err != nil {
			return nil, err
		}
		failed.count(t.Tenant.ID, t.Failure)
	}
	own, err := n.ownEvents(ctx, id, after, last)
	if err != nil {
		return nil, err
	}
	severity := Warning
	if failed.failures > 0 {
		severity = Error
	}
	m := n.message(KindOvertaken, severity, p, min(after+1, last), last)
	m.At, m.State, m.Lost, m.Counters = time.Now().UTC().Truncate(time.Millisecond), p.State.String(), last-after-int64(len(own)), make(map[string]int)
	for s, count := range p.Counters.States {
		if count > 0 {
			m.Counters[task.State(s).String()] = count
		}
	}
	m.Events = own
	failed.fill(m)
	n.texts().describe(m)
	return m, nil
}

// maxOwn is how many events of the plan itself a message has.
const maxOwn = 100

// ownEvents returns the last events of the plan itself after the number after up to last: these are
// never dropped.
func (n *Notifier) ownEvents(ctx context.Context, id plan.ID, after, last int64) (own []*Event, err error) {
	for after < last {
		events, err := n.engine.PlanEvents(ctx, id, after, store.MaxPage)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if after = e.Seq; after <= last {
				own = append(own, eventOf(e))
			}
		}
	}
	return own[max(0, len(own)-maxOwn):], nil
}

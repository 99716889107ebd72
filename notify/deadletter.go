package notify

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Test sends a message of [KindTest], once, and returns the sink's error. It needs no Run.
func (n *Notifier) Test(ctx context.Context) error {
	m := Message{
		ID: "msg_test_" + rand.Text(), Notifier: n.name, Kind: KindTest, Severity: Info,
		At: time.Now().UTC().Truncate(time.Millisecond), Link: n.cfg.BaseURL,
	}
	n.texts().describe(&m)
	return n.sendOnce(ctx, m)
}

// sendOnce sends a message, within the Timeout.
func (n *Notifier) sendOnce(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	_, err := call(ctx, n.sink, m)
	return err
}

// DeadLetters returns what could not be sent, the oldest first. If the notifier was never
// subscribed, the error matches store.ErrNotFound.
func (n *Notifier) DeadLetters(ctx context.Context) ([]store.DeadLetter, error) {
	return n.subs.DeadLetters(ctx, n.name)
}

// Redeliver sends dead letters again, those with these ids or, without ids, all, the oldest first,
// each once. Those that were sent are no dead letters any more. It needs no Run. It stops at the
// first error of the sink, and returns how many were sent. Letters whose plan was removed meanwhile
// are dropped. An id that is not there is an error that matches store.ErrNotFound.
//
// They come late: messages about later events of the same plan have been sent before.
func (n *Notifier) Redeliver(ctx context.Context, ids ...string) (sent int, err error) {
	all, err := n.DeadLetters(ctx)
	if err != nil {
		return 0, err
	}
	byID := make(map[string]store.DeadLetter, len(all))
	for _, d := range all {
		byID[d.ID] = d
	}
	letters := all
	if len(ids) > 0 {
		letters = nil
		for _, id := range ids {
			d, found := byID[id]
			if !found {
				return 0, fmt.Errorf("%w: dead letter %q", store.ErrNotFound, id)
			}
			letters = append(letters, d)
		}
	}
	for _, d := range letters {
		m, err := n.again(ctx, d)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return sent, err
		default:
			if err := n.sendOnce(ctx, *m); err != nil {
				return sent, err
			}
			sent++
		}
		if err := n.subs.DropDeadLetter(ctx, n.name, d.ID); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// again returns the message of a dead letter, made from the events anew. If these are not kept any
// more it is one of [KindOvertaken].
func (n *Notifier) again(ctx context.Context, d store.DeadLetter) (*Message, error) {
	p, err := n.engine.Plan(ctx, d.Plan)
	if err != nil {
		return nil, err
	}
	m, err := n.remade(ctx, p, d)
	if errors.Is(err, store.ErrTrimmed) || errors.Is(err, store.ErrEventsAhead) {
		m, err = n.present(ctx, d.Plan, d.First-1, d.Last)
	}
	if err == nil {
		m.ID = d.ID
	}
	return m, err
}

// remade makes the message about events from the log.
func (n *Notifier) remade(ctx context.Context, p plan.Plan, d store.DeadLetter) (*Message, error) {
	var g group
	for after := max(0, d.First-1); after < d.Last; {
		events, err := n.engine.Events(ctx, p.ID, after, int(min(d.Last-after, store.MaxPage)))
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			kind, severity := classify(e)
			if d.First == d.Last && kind != KindFailures {
				return n.aboutEvent(kind, severity, p, e), nil
			}
			if kind == KindFailures {
				g.add(e)
			}
		}
		after = events[len(events)-1].Seq
	}
	if g.failures == 0 {
		return n.present(ctx, d.Plan, d.First-1, d.Last) // it told of a loss
	}
	return n.aboutGroup(p, &g), nil
}

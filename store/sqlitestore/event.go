package sqlitestore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// errFound ends a walk over rows that has found what it looked for.
var errFound = errors.New("found")

func isFound(err error) bool { return errors.Is(err, errFound) }

// maxList is how many bytes of events a row of the table event has before no further one is added:
// more than a quarter of a page would take pages of its own.
const maxList = 850

// appendEvents writes the events of steps, those of workers first. rests are the numbers of those
// that leave the plan at rest. p.LastEvent counts them already.
//
// Events of tasks that follow one another share a row: they are written once for a transaction, and
// a row costs more than what is in it. An event of the plan has a row of its own, which is kept
// when those of tasks are dropped.
func (c *conn) appendEvents(p *rollout, work []rules.Event, own []plan.Event, at rules.Stamp, rests []int64) error {
	l := eventList{c: c, id: p.ID, seq: p.LastEvent - int64(len(work)+len(own))}
	for i := range work {
		e := &work[i]
		detail, err := failureDetail(e.Failure)
		if err != nil {
			return err
		}
		if err := l.add(eventRecord{
			instant.MicrosOf(e.At), int(e.Ordinal), int(e.Attempt), e.Cause.String(), e.From.String(), e.To.String(), slices.Contains(rests, l.seq+1), detail,
		}); err != nil {
			return err
		}
	}
	for i := range own {
		e := &own[i]
		detail, err := detailOf(e)
		if err != nil {
			return err
		}
		ordinal := 0
		if e.Task != 0 {
			ordinal = e.Task.Ordinal()
		}
		if err := l.add(eventRecord{instant.MicrosOf(at), ordinal, e.Attempt, e.Cause, e.From, e.To, slices.Contains(rests, l.seq+1), detail}); err != nil {
			return err
		}
	}
	return l.flush(false)
}

// detailOf returns what few events have as JSON, nil if e has nothing of it.
func detailOf(e *plan.Event) (json.RawMessage, error) {
	d, any := planrecord.DetailOf(e)
	if !any {
		return nil, nil
	}
	return json.Marshal(d)
}

// failureDetail is detailOf an event that has nothing but a failure, if that.
func failureDetail(f *task.FailureInfo) (json.RawMessage, error) {
	if f == nil {
		return nil, nil
	}
	return detailOf(&plan.Event{Failure: f})
}

// trim drops events of tasks that need not be kept, after so many were added. The row of those
// around the last one is left for the next time.
func (c *conn) trim(p *rollout, keep, added int) error {
	until := p.TrimUntil(p.trimmed, keep, added)
	if until == p.trimmed {
		return nil
	}
	err := c.exec("DELETE FROM event WHERE plan = ? AND seq > ? AND seq <= ? AND own = 0", int64(p.ID), p.trimmed, until)
	p.trimmed = until
	return err
}

// Events implements store.Reader.
func (s *Store) Events(ctx context.Context, id plan.ID, after int64, limit int) (events []plan.Event, err error) {
	if err := store.CheckEvents(after, limit); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(c *conn) error {
		last, trimmed, err := c.lastEvent(id)
		if err != nil {
			return err
		}
		if err := rules.CheckPosition(after, last, trimmed, s.cfg.MaxEvents); err != nil {
			return err
		}
		events, err = c.events(id, "", after, cmp.Or(limit, store.MaxPage))
		want := min(last-after, int64(cmp.Or(limit, store.MaxPage)))
		if n := int64(len(events)); err == nil && (n != want || n > 0 && events[n-1].Seq != after+n) {
			err = c.corrupt("event", id, "%d events after %d, not %d", len(events), after, want)
		}
		return err
	})
	return events, err
}

// PlanEvents implements store.Reader.
func (s *Store) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) (events []plan.Event, err error) {
	if err := store.CheckEvents(after, limit); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(c *conn) error {
		last, _, err := c.lastEvent(id)
		if err != nil {
			return err
		}
		if after > last {
			return &store.EventsAheadError{After: after, Newest: last}
		}
		events, err = c.events(id, "AND own = 1", after, cmp.Or(limit, store.MaxPage))
		return err
	})
	return events, err
}

// lastEvent returns the newest event of a plan that can be read, and the last one of which the task
// events are gone.
func (c *conn) lastEvent(id plan.ID) (last, trimmed int64, err error) {
	if at, err := c.stageOf(id); err != nil || at != complete {
		return 0, 0, notFoundOr(err)
	}
	found, err := c.one("SELECT last_event, trimmed FROM facts WHERE plan = ?", []any{int64(id)}, func(r row) {
		last, trimmed = r.ColumnInt64(0), r.ColumnInt64(1)
	})
	if err == nil && !found {
		err = c.corrupt("facts", id, "the row is missing")
	}
	return last, trimmed, err
}

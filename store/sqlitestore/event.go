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

const insertEvent = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

// appendEvents writes the events of steps, those of workers first. rests are the numbers of those
// that leave the plan at rest. p.LastEvent counts them already.
func (c *conn) appendEvents(p *rollout, work []rules.Event, own []plan.Event, at rules.Stamp, rests []int64) error {
	seq, id := p.LastEvent-int64(len(work)+len(own)), int64(p.ID)
	for i := range work {
		seq++
		e := &work[i]
		var detail any
		if e.Failure != nil {
			text, err := detailOf(&plan.Event{Failure: e.Failure})
			if err != nil {
				return err
			}
			detail = text
		}
		if err := c.exec(insertEvent, id, seq, instant.MicrosOf(e.At), e.Ordinal, e.Attempt, e.Cause.String(), e.From.String(), e.To.String(),
			slices.Contains(rests, seq), detail); err != nil {
			return err
		}
	}
	for i := range own {
		seq++
		e := &own[i]
		detail, err := detailOf(e)
		if err != nil {
			return err
		}
		ordinal := 0
		if e.Task != 0 {
			ordinal = e.Task.Ordinal()
		}
		if err := c.exec(insertEvent, id, seq, instant.MicrosOf(at), ordinal, e.Attempt, e.Cause, e.From, e.To, slices.Contains(rests, seq), detail); err != nil {
			return err
		}
	}
	return nil
}

// detailOf returns what few events have as JSON, nil if e has nothing of it.
func detailOf(e *plan.Event) (any, error) {
	d, any := planrecord.DetailOf(e)
	if !any {
		return nil, nil
	}
	text, err := json.Marshal(d)
	return string(text), err
}

// Events are dropped when so many more than are kept have come together, and so many at a time.
const (
	trimFrom = 256
	trimMost = 2 * trimFrom
)

// trim drops events of tasks that need not be kept, after so many were added.
func (c *conn) trim(p *rollout, keep, added int) error {
	until := p.LastEvent - int64(keep)
	if keep <= 0 || until-p.trimmed < min(trimFrom, int64(keep)) {
		return nil
	}
	until = min(until, p.trimmed+trimMost+int64(added))
	err := c.exec("DELETE FROM event WHERE plan = ? AND seq > ? AND seq <= ? AND ordinal > 0", int64(p.ID), p.trimmed, until)
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
		first := trimmed + 1
		if s.cfg.MaxEvents > 0 {
			first = max(first, last-int64(s.cfg.MaxEvents)+1)
		}
		switch {
		case after > last:
			return &store.EventsAheadError{After: after, Newest: last}
		case after < first-1:
			return &store.TrimmedError{First: first}
		}
		events, err = c.events(id, "", after, limit)
		if want := min(last-after, int64(cmp.Or(limit, store.MaxPage))); err == nil && int64(len(events)) != want {
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
		events, err = c.events(id, "AND e.ordinal = 0", after, limit)
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

func (c *conn) events(id plan.ID, which string, after int64, limit int) (events []plan.Event, err error) {
	err = c.each(`SELECT e.seq, e.at, e.ordinal, e.attempt, e.cause, e.before, e.after, e.at_rest, e.detail, t.tenant
		FROM event AS e LEFT JOIN task AS t ON t.plan = e.plan AND t.ordinal = e.ordinal
		WHERE e.plan = ? AND e.seq > ? `+which+` ORDER BY e.seq LIMIT ?`, []any{int64(id), after, cmp.Or(limit, store.MaxPage)}, func(r row) error {
		e := plan.Event{
			Seq: r.ColumnInt64(0), At: instant.Time(r.ColumnInt64(1)), Plan: id, Attempt: r.ColumnInt(3), Cause: r.ColumnText(4),
			From: r.ColumnText(5), To: r.ColumnText(6), AtRest: r.ColumnInt64(7) != 0, Tenant: r.ColumnText(9),
		}
		if ordinal := r.ColumnInt(2); ordinal != 0 {
			if e.Task = task.NewID(id, ordinal); e.Tenant == "" {
				return c.damaged(id, uint32(ordinal), "the tenant of an event is missing")
			}
		}
		if text := r.ColumnRawText(8); text != nil {
			var d planrecord.Detail
			if err := json.Unmarshal(text, &d); err != nil {
				return c.corrupt("event", id, "event %d: %v", e.Seq, err)
			}
			d.Fill(&e)
		}
		events = append(events, e)
		return nil
	})
	return events, err
}

package sqlitestore

import (
	"encoding/json"
	"strconv"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/task"
)

// eventRecord is an event in a row of the table event. Its JSON is an array of the fields, without
// the last ones that are zero, which the view events reads as well. There, at counts from the
// row's.
type eventRecord struct {
	at                   int64 // microseconds
	ordinal, attempt     int   // 0 for an event of the plan
	cause, before, after string
	rest                 bool
	detail               json.RawMessage // nil if there is none
}

func (e *eventRecord) append(b []byte, since int64) []byte {
	b = strconv.AppendInt(append(b, '['), e.at-since, 10)
	b = strconv.AppendInt(append(b, ','), int64(e.ordinal), 10)
	b = strconv.AppendInt(append(b, ','), int64(e.attempt), 10)
	for _, word := range [...]string{e.cause, e.before, e.after} { // they are constants of the packages task and plan
		b = append(append(append(b, ',', '"'), word...), '"')
	}
	if e.rest || e.detail != nil {
		b = strconv.AppendInt(append(b, ','), bit(e.rest), 10)
	}
	if e.detail != nil {
		b = append(append(b, ','), e.detail...)
	}
	return append(b, ']')
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *eventRecord) UnmarshalJSON(text []byte) error {
	rest := 0
	err := json.Unmarshal(text, &[...]any{&e.at, &e.ordinal, &e.attempt, &e.cause, &e.before, &e.after, &rest, &e.detail})
	e.rest = rest != 0
	return err
}

// eventList collects the events of a row.
type eventList struct {
	c     *conn
	id    plan.ID
	seq   int64 // of the newest event
	at    int64 // of the first event of the row
	count int
	text  []byte
}

func (l *eventList) add(e eventRecord) error {
	if own := e.ordinal == 0; l.count > 0 && (own || len(l.text) > maxList) {
		if err := l.flush(false); err != nil {
			return err
		}
	}
	if l.text == nil {
		l.at, l.text = e.at, append(l.c.list[:0], '[')
	} else {
		l.text = append(l.text, ',')
	}
	l.text = e.append(l.text, l.at)
	l.seq++
	l.count++
	if e.ordinal == 0 {
		return l.flush(true)
	}
	return nil
}

// flush writes the row. own: its only event is one of the plan.
func (l *eventList) flush(own bool) error {
	if l.count == 0 {
		return nil
	}
	s, err := l.c.prepared("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", nil)
	if err != nil {
		return err
	}
	l.c.list = append(l.text, ']')
	for i, n := range [...]int64{int64(l.id), l.seq, int64(l.count), bit(own), l.at} {
		if err := s.BindInt64(i+1, n); err != nil {
			return err
		}
	}
	if err := s.BindRawText(6, l.c.list); err != nil {
		return err
	}
	l.count, l.text = 0, nil
	return s.Exec()
}

// events returns the events of a plan after one, at most limit of them, from the rows that match.
func (c *conn) events(id plan.ID, which string, after int64, limit int) (events []plan.Event, err error) {
	tenants := make(map[int]string)
	err = c.each("SELECT seq, count, at, list FROM event WHERE plan = ? AND seq > ? "+which+" ORDER BY seq LIMIT ?", []any{int64(id), after, limit}, func(r row) error {
		var list []eventRecord
		if err := json.Unmarshal(r.ColumnRawText(3), &list); err != nil || int64(len(list)) != r.ColumnInt64(1) {
			return c.corrupt("event", id, "the list of the events up to %d makes no sense: %v", r.ColumnInt64(0), err)
		}
		seq, at := r.ColumnInt64(0)-int64(len(list)), r.ColumnInt64(2)
		for i := range list {
			list[i].at += at
			if seq++; seq <= after {
				continue
			}
			if len(events) == limit {
				return errFound
			}
			e, err := c.event(id, seq, &list[i], tenants)
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		return nil
	})
	if isFound(err) {
		err = nil
	}
	return events, err
}

// event returns an event for a caller. tenants are those that were looked up before.
func (c *conn) event(id plan.ID, seq int64, r *eventRecord, tenants map[int]string) (plan.Event, error) {
	e := plan.Event{Seq: seq, At: instant.Time(r.at), Plan: id, Attempt: r.attempt, Cause: r.cause, From: r.before, To: r.after, AtRest: r.rest}
	if fault := planrecord.EventFault(&e, r.ordinal); fault != "" {
		return e, c.corrupt("event", id, "event %d: %s", seq, fault)
	}
	if r.ordinal != 0 {
		tenant, known := tenants[r.ordinal]
		if !known {
			_, err := c.one("SELECT tenant FROM task WHERE plan = ? AND ordinal = ?", []any{int64(id), r.ordinal}, func(r row) { tenant = r.ColumnText(0) })
			if err != nil {
				return e, err
			}
			tenants[r.ordinal] = tenant
		}
		if e.Task, e.Tenant = task.NewID(id, r.ordinal), tenant; tenant == "" {
			return e, c.damaged(id, uint32(r.ordinal), "the tenant of an event is missing")
		}
	}
	if r.detail != nil {
		var d planrecord.Detail
		if err := json.Unmarshal(r.detail, &d); err != nil {
			return e, c.corrupt("event", id, "event %d: %v", seq, err)
		}
		d.Fill(&e)
	}
	return e, nil
}

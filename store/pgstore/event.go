package pgstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// ownEvent is an event of a command.
type ownEvent = plan.Event

// eventRows are events that are written together: numbersOfEvent numbers for each, of which the
// last three say where its words are.
type eventRows struct {
	numbers []int64
	words   []string
	detail  []*string
}

const numbersOfEvent = 7

func (r *eventRows) add(at int64, ordinal int, attempt int64, cause, before, after string, rests bool, e *plan.Event) error {
	detail, err := detailOf(e)
	if err != nil {
		return err
	}
	r.numbers = append(r.numbers, at, int64(ordinal), attempt, bit(rests), r.word(cause), r.word(before), r.word(after))
	r.detail = append(r.detail, detail)
	return nil
}

// word returns where a word is, from 1 on. Events have few different ones.
func (r *eventRows) word(s string) int64 {
	at := slices.Index(r.words, s)
	if at < 0 {
		at, r.words = len(r.words), append(r.words, s)
	}
	return int64(at + 1)
}

// appendEvents writes the events of steps, those of workers first. p.LastEvent counts them already.
func (t *tx) appendEvents(p *rollout, work []rules.Event, own []ownEvent, rests []int64) error {
	var r eventRows
	seq := p.LastEvent - int64(len(work)+len(own))
	for i := range work {
		seq++
		e := &work[i]
		if err := r.add(instant.MicrosOf(e.At), int(e.Ordinal), int64(e.Attempt), e.Cause.String(), e.From.String(), e.To.String(),
			slices.Contains(rests, seq), &plan.Event{Failure: e.Failure}); err != nil {
			return err
		}
	}
	for i := range own {
		seq++
		e := &own[i]
		ordinal := 0
		if e.Task != 0 {
			ordinal = e.Task.Ordinal()
		}
		if err := r.add(instant.MicrosOf(p.now), ordinal, int64(e.Attempt), e.Cause, e.From, e.To, slices.Contains(rests, seq), e); err != nil {
			return err
		}
	}
	if len(r.detail) == 0 {
		return nil
	}
	for i, w := range r.words {
		r.words[i] = encoded(w)
	}
	t.exec(insertEvents, int64(p.ID), p.LastEvent-int64(len(r.detail)), r.numbers, r.words, r.detail)
	return nil
}

//nolint:gochecknoglobals // a constant text
var insertEvents = func() string {
	number := func(at int) string {
		return fmt.Sprintf("($3::bigint[])[u.n::int * %d - %d]", numbersOfEvent, numbersOfEvent-at)
	}
	word := func(at int) string { return "($4::text[])[" + number(at) + "::int]" }
	return "INSERT INTO @.event (plan, seq, at, ordinal, attempt, at_rest, cause, before, after, detail) SELECT $1::bigint, $2::bigint + u.n, " +
		number(1) + ", " + number(2) + "::int, " + number(3) + ", " + number(4) + " = 1, " + word(5) + ", " + word(6) + ", " + word(7) +
		", u.detail FROM unnest($5::text[]) WITH ORDINALITY AS u (detail, n)"
}()

// detailOf returns what few events have as JSON, nil if e has nothing of it.
func detailOf(e *plan.Event) (*string, error) {
	d, any := planrecord.DetailOf(e)
	if !any {
		return nil, nil
	}
	text, err := json.Marshal(d)
	return new(string(text)), err
}

// Events implements store.Reader.
func (s *Store) Events(ctx context.Context, id plan.ID, after int64, limit int) (events []plan.Event, err error) {
	if err := store.CheckEvents(after, limit); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(t *tx) error {
		last, trimmed, err := t.lastEvent(id)
		if err != nil {
			return err
		}
		if err := rules.CheckPosition(after, last, trimmed, s.cfg.MaxEvents); err != nil {
			return err
		}
		events, err = t.events(id, "", after, limit)
		want := min(last-after, int64(cmp.Or(limit, store.MaxPage)))
		if n := int64(len(events)); err == nil && (n != want || n > 0 && events[n-1].Seq != after+n) {
			err = s.corrupt("event", id, "%d events after %d, not %d", len(events), after, want)
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
	err = s.read(ctx, func(t *tx) error {
		last, _, err := t.lastEvent(id)
		if err != nil {
			return err
		}
		if after > last {
			return &store.EventsAheadError{After: after, Newest: last}
		}
		events, err = t.events(id, "AND e.ordinal = 0", after, limit)
		return err
	})
	return events, err
}

// lastEvent returns the newest event of a plan that can be read, and the last one of which the task
// events are gone.
func (t *tx) lastEvent(id plan.ID) (last, trimmed int64, err error) {
	var is, has bool
	t.one(&is, []any{new(bool)}, "SELECT true FROM @.plan WHERE id = $1 AND stage = 1", int64(id))
	t.one(&has, []any{&last, &trimmed}, "SELECT last_event, trimmed FROM @.facts WHERE plan = $1", int64(id))
	err = t.flush()
	switch {
	case err != nil:
	case !is:
		err = store.ErrNotFound
	case !has:
		err = t.s.corrupt("facts", id, "the row is missing")
	}
	return last, trimmed, err
}

func (t *tx) events(id plan.ID, which string, after int64, limit int) (events []plan.Event, err error) {
	t.each(func(r pgx.Rows) error {
		e := plan.Event{Plan: id}
		var at int64
		var ordinal int
		var detail, tenant *string
		if err := r.Scan(&e.Seq, &at, &ordinal, &e.Attempt, &e.Cause, &e.From, &e.To, &e.AtRest, &detail, &tenant); err != nil {
			return err
		}
		e.At, e.Cause, e.From, e.To = instant.Time(at), decoded(e.Cause), decoded(e.From), decoded(e.To)
		if tenant != nil {
			e.Tenant = decoded(*tenant)
		}
		if fault := planrecord.EventFault(&e, ordinal); fault != "" {
			return t.s.corrupt("event", id, "event %d: %s", e.Seq, fault)
		}
		if ordinal != 0 {
			if e.Task = task.NewID(id, ordinal); e.Tenant == "" {
				return t.s.damaged(id, uint32(ordinal), "the tenant of an event is missing")
			}
		}
		if detail != nil {
			var d planrecord.Detail
			if err := json.Unmarshal([]byte(*detail), &d); err != nil {
				return t.s.corrupt("event", id, "event %d: %v", e.Seq, err)
			}
			d.Fill(&e)
		}
		events = append(events, e)
		return nil
	}, `SELECT e.seq, e.at, e.ordinal, e.attempt, e.cause, e.before, e.after, e.at_rest, e.detail, t.tenant
		FROM @.event AS e LEFT JOIN @.task AS t ON t.plan = e.plan AND t.ordinal = e.ordinal
		WHERE e.plan = $1 AND e.seq > $2 `+which+` ORDER BY e.seq LIMIT $3`, int64(id), after, cmp.Or(limit, store.MaxPage))
	return events, t.flush()
}

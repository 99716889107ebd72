package ops

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/ops/internal/feed"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// pingMessage is the data of a ping.
type pingMessage struct {
	Now     wire.Time `json:"now"`
	Version int       `json:"version"`
	// Away is since when the store is away.
	Away wire.Time `json:"away,omitzero"`
}

// awayMessage is the data of a message that the store is away.
type awayMessage struct {
	Since wire.Time `json:"since"`
}

// resetMessage is the data of a message that the client has missed events of a plan. It is the
// problem that a request for them would get.
type resetMessage struct {
	Plan   plan.ID        `json:"plan"`
	Code   string         `json:"code"`
	Title  string         `json:"title"`
	Params map[string]any `json:"params,omitempty"`
}

// rowsMessage is the data of a message with the rows of the list that have changed.
type rowsMessage struct {
	Plans   []json.RawMessage `json:"plans"`
	Removed []plan.ID         `json:"removed,omitempty"`
}

// collect adds the messages that are due. The first one of a stream is the time, with the positions
// at which the stream begins.
func (s *stream) collect(out *frames) error {
	if s.pinged.IsZero() {
		// Not all clients of a process that ended come back at the same moment.
		out.WriteString("retry: " + strconv.Itoa(1000+rand.IntN(2000)) + "\n")
	}
	before := s.pinged
	if err := s.tell(out); err != nil {
		return err
	}
	for _, reset := range s.pending {
		if err := out.add("reset", s.id(), reset); err != nil {
			return err
		}
	}
	s.pending = nil
	for _, w := range slices.Clone(s.plans) {
		if err := s.follow(out, w); err != nil {
			return err
		}
	}
	if s.list == nil {
		return nil
	}
	// With each ping, too, because the rights of a caller may change without a plan.
	if rows, fresh := s.list.Rows(); fresh || s.pinged != before {
		return s.show(out, rows)
	}
	return nil
}

// tell adds the time if it is due, and says when the store goes away and when it is back.
func (s *stream) tell(out *frames) error {
	away := s.awaySince()
	left, back := s.away.IsZero() && !away.IsZero(), !s.away.IsZero() && away.IsZero()
	s.away = away
	if left {
		if err := out.add("away", nil, awayMessage{wire.Time{Time: away}}); err != nil {
			return err
		}
	}
	if !back && time.Since(s.pinged) < pingPause {
		return nil
	}
	s.pinged = time.Now()
	return out.add("ping", s.id(), pingMessage{Now: wire.Time{Time: s.pinged}, Version: apiVersion, Away: wire.Time{Time: away}})
}

// awaySince returns since when the store is away for something that the stream shows, zero if it is
// not.
func (s *stream) awaySince() (away time.Time) {
	earlier := func(t time.Time) {
		if away.IsZero() || !t.IsZero() && t.Before(away) {
			away = t
		}
	}
	for _, w := range s.plans {
		earlier(w.reader.Away())
	}
	if s.list != nil {
		earlier(s.list.Away())
	}
	return away
}

// follow adds what is new of a plan: events, and then its document.
func (s *stream) follow(out *frames, w *streamedPlan) error {
	if !s.caller.May(View, &w.reader.Plan().Plan) {
		return s.drop(out, w, store.ErrNotFound)
	}
	events, err := w.reader.Events(s.r.Context())
	switch {
	case errors.Is(err, store.ErrTrimmed), errors.Is(err, store.ErrEventsAhead):
		if err := out.add("reset", s.id(), s.reset(w.id, err)); err != nil {
			return err
		}
	case err != nil:
		return s.drop(out, w, err)
	case len(events) > 0:
		out.begin("events", s.id())
		out.events(w.id, s.discreet(events))
		out.end()
	}
	if time.Since(w.shown) < documentPause {
		return nil
	}
	snapshot, fresh := w.reader.Show()
	if !fresh {
		return nil
	}
	w.shown = time.Now()
	return s.document(out, snapshot)
}

// seenWithin bounds the time for which a message with events waits for the plans that they name.
const seenWithin = time.Second

// discreet returns events as the caller may see them.
func (s *stream) discreet(events []feed.Event) [][]byte {
	ctx, cancel := context.WithTimeout(s.r.Context(), seenWithin)
	defer cancel()
	v, texts := s.viewer(), make([][]byte, len(events))
	v.ctx = ctx
	for i, e := range events {
		if texts[i] = e.Text; e.Other != nil && !v.sees(e.Other.Plan) {
			texts[i] = e.Other.Text
		}
	}
	return texts
}

// drop ends the showing of a plan.
func (s *stream) drop(out *frames, w *streamedPlan, why error) error {
	w.reader.Forget(s.changed)
	w.reader.Close()
	s.plans = slices.DeleteFunc(s.plans, func(o *streamedPlan) bool { return o == w })
	return out.add("reset", s.id(), s.reset(w.id, why))
}

// reset returns the message that a client has missed events of a plan.
func (s *stream) reset(id plan.ID, why error) resetMessage {
	p := s.problem(why)
	return resetMessage{Plan: id, Code: p.Code, Title: p.Title, Params: p.Params}
}

// events adds the data of a message with events.
func (f *frames) events(id plan.ID, events [][]byte) {
	f.WriteString(`{"plan":`)
	f.WriteString(id.String())
	f.WriteString(`,"events":[`)
	for i, e := range events {
		if i > 0 {
			f.WriteByte(',')
		}
		f.Write(e)
	}
	f.WriteString("]}")
}

// document adds the document of a plan, as the caller may see it.
func (s *stream) document(out *frames, snapshot *feed.Snapshot) error {
	p := &snapshot.Plan
	class := strings.Join(s.planActions(p), " ")
	if s.data(p) == wire.Shown {
		class += " data"
	}
	if s.undoes(p) {
		class += " undo"
	}
	text, err := snapshot.Document(class, func() ([]byte, error) { return json.Marshal(s.planDocument(p)) })
	if err != nil {
		return err
	}
	out.begin("plan", nil)
	out.Write(text)
	out.end()
	return nil
}

// show adds what has changed in the list: rows that differ from those that the client has, and
// plans of his rows that were removed or that the caller may not view any more. Plans that have
// become too old for the list are not told.
func (s *stream) show(out *frames, list feed.Rows) error {
	message := rowsMessage{Plans: []json.RawMessage{}}
	had, has := s.rows, make([]*feed.Snapshot, 0, len(list.Plans))
	lose := func(before plan.ID) { // the rows of the client down to a plan, which are in the list no more
		for ; len(had) > 0 && had[0].Plan.ID > before; had = had[1:] {
			if id := had[0].Plan.ID; id >= list.Oldest {
				message.Removed = append(message.Removed, id)
			}
		}
	}
	for _, row := range list.Plans {
		p := &row.Plan
		if !s.caller.May(View, p) {
			continue
		}
		lose(p.ID)
		has = append(has, row)
		if len(had) > 0 && had[0] == row {
			had = had[1:]
			continue
		}
		if len(had) > 0 && had[0].Plan.ID == p.ID {
			had = had[1:]
		}
		text, err := s.row(row)
		if err != nil {
			return err
		}
		message.Plans = append(message.Plans, text)
	}
	lose(0)
	s.rows = has
	if len(message.Plans)+len(message.Removed) == 0 {
		return nil
	}
	return out.add("list", nil, message)
}

// row returns the row of a plan, as the caller may see it.
func (s *stream) row(snapshot *feed.Snapshot) ([]byte, error) {
	actions := s.planActions(&snapshot.Plan)
	return snapshot.Document(strings.Join(actions, " "), func() ([]byte, error) {
		return json.Marshal(wire.PlanSummaryOf(&snapshot.Plan, actions))
	})
}

package ops

import (
	"errors"
	"net/http"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/ops/internal/feed"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// stream is a stream of one client. It belongs to the goroutine of the request.
type stream struct {
	*call
	plans []*streamedPlan
	list  *feed.ListReader // nil if the client did not ask for it
	// rows are the rows of the list that the client has: those that the caller could view when they
	// were last looked at, the newest plan first.
	rows []*feed.Snapshot
	// pending are problems that are reported first: of plans that are not there any more.
	pending []resetMessage
	// changed is raised when there may be something new.
	changed signal.Flag
	began   time.Time
	pinged  time.Time // when the client was last told the time
	away    time.Time // since when the store is away, as the client was told
	idText  []byte
}

// streamedPlan is a plan that a stream shows.
type streamedPlan struct {
	id     plan.ID
	reader *feed.Reader
	shown  time.Time // when its document was last sent
}

// openStream opens a stream of plans, of the list of plans, or of both.
func openStream(c *call) (answer, error) {
	q := c.query("plan", "list", "after")
	ids, positions := q.streamed(), c.positions(q)
	list := q.values.Get("list")
	switch {
	case q.values.Has("list") && list != "1":
		q.faults.add("list", "is not 1")
	case list == "" && len(q.values["plan"]) == 0:
		q.faults.add("plan", "is required, unless there is list=1")
	}
	if err := q.err(); err != nil {
		return answer{}, err
	}
	if err := streamable(c.w); err != nil {
		return answer{}, err
	}
	if !c.streams.enter() {
		p := newProblem(codeTooManyStreams)
		p.retryAfter = 10
		return answer{}, p
	}
	s := &stream{call: c, changed: signal.NewFlag()}
	opened := false
	defer func() {
		if !opened {
			s.close() // it has failed, or a function of the host has panicked
		}
	}()
	err := s.open(ids, positions, list == "1")
	switch {
	case errors.Is(err, feed.ErrClosed):
		return answer{stream: s.drain}, nil
	case err != nil:
		return answer{}, err
	}
	opened = true
	return answer{stream: s.serve}, nil
}

// open begins to follow what the stream shows. A plan whose position the client has was shown
// before: if it is not there any more, the stream says so. Any other plan that is not there is an
// error, as elsewhere.
func (s *stream) open(ids []plan.ID, positions map[plan.ID]int64, list bool) (err error) {
	for _, id := range ids {
		p, err := s.allowed(View, id)
		after, continued := positions[id]
		switch {
		case continued && errors.Is(err, store.ErrNotFound):
			s.pending = append(s.pending, s.reset(id, err))
			continue
		case err != nil:
			return err
		case !continued:
			after = p.LastEvent
		case after > p.LastEvent:
			s.pending = append(s.pending, s.reset(id, &store.EventsAheadError{After: after, Newest: p.LastEvent}))
			after = p.LastEvent
		}
		reader, err := s.streams.hub.Open(&p, after)
		if err != nil {
			return err
		}
		s.plans = append(s.plans, &streamedPlan{id: id, reader: reader})
	}
	if list {
		err = s.openList()
	}
	return err
}

// openList begins to follow the list. What is in it already the client has got, or gets, by itself.
func (s *stream) openList() (err error) {
	if s.list, err = s.streams.hub.OpenList(); err != nil {
		return err
	}
	rows, _ := s.list.Rows()
	for _, row := range rows.Plans {
		if s.caller.May(View, &row.Plan) {
			s.rows = append(s.rows, row)
		}
	}
	return nil
}

// close ends the stream. Nothing raises its flag any more.
func (s *stream) close() {
	for _, w := range s.plans {
		w.reader.Forget(s.changed)
		w.reader.Close()
	}
	if s.list != nil {
		s.list.Forget(s.changed)
		s.list.Close()
	}
	s.streams.leave()
}

// accept answers that there is a stream.
func (s *stream) accept() {
	header := s.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // nginx would keep messages back
	s.w.WriteHeader(http.StatusOK)
}

// drain answers with a stream that ends at once. Browsers then connect again, while after a 503
// they would not.
func (s *stream) drain() { s.accept() }

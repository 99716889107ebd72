package feed

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Source is what feeds read. A *cutover.Engine has all of it.
type Source interface {
	Plan(ctx context.Context, id plan.ID) (plan.Plan, error)
	Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error)
	Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error)
	Watch(ctx context.Context, id plan.ID, after int64) iter.Seq2[plan.Event, error]
}

// ErrClosed is the error of a hub that was closed.
var ErrClosed = errors.New("feed: closed")

// Hub has the feeds of a process. It is safe for concurrent use.
type Hub struct {
	source Source

	mu      sync.Mutex
	feeds   map[plan.ID]*Feed
	list    *List
	closed  bool
	running sync.WaitGroup
}

// NewHub returns a hub without feeds.
func NewHub(s Source) *Hub { return &Hub{source: s, feeds: make(map[plan.ID]*Feed)} }

// Open returns a reader of a plan, which was just read, from after a position on. The reader has to
// be closed.
func (h *Hub) Open(p *plan.Plan, after int64) (*Reader, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	f := h.feeds[p.ID]
	if f == nil || f.ended() {
		f = h.start(p)
	} else {
		f.touched.Raise() // its document may be a second old
	}
	f.readers++
	f.mu.Lock()
	defer f.mu.Unlock()
	return &Reader{hub: h, feed: f, term: f.term, position: after}, nil
}

// start starts the feed of a plan.
func (h *Hub) start(p *plan.Plan) *Feed {
	ctx, stop := context.WithCancel(context.Background())
	f := newFeed(h.source, p, stop)
	h.feeds[p.ID] = f
	position := p.LastEvent
	h.running.Go(func() { f.watch(ctx, position) })
	h.running.Go(func() { f.look(ctx) })
	return f
}

// release ends the feed of a plan with its last reader.
func (h *Hub) release(f *Feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.readers--; f.readers > 0 {
		return
	}
	f.stop()
	if h.feeds[f.id] == f {
		delete(h.feeds, f.id)
	}
}

// Feeds returns how many plans are followed.
func (h *Hub) Feeds() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.feeds)
}

// Close ends all feeds, and waits for them. Nothing can be opened any more.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	for _, f := range h.feeds {
		f.stop()
	}
	if h.list != nil {
		h.list.stop()
	}
	h.mu.Unlock()
	h.running.Wait()
}

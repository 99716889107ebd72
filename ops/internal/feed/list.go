package feed

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// listPause is how often the list of plans is read, and maxRows how many of the newest plans.
const (
	listPause = 2 * time.Second
	maxRows   = 100
)

// List follows the newest plans.
type List struct {
	// Immutable after construction.
	source Source
	stop   context.CancelFunc

	readers int // guarded by the mutex of the hub

	mu      sync.Mutex
	rows    Rows
	seen    map[plan.ID][]byte // as Feed.seen, of the rows
	version int64              // counts the reads that found a change
	away    time.Time
	waiting waiters
}

// Rows are the rows of the list at some time. They are never changed.
type Rows struct {
	// Plans are the newest plan first. A plan that has not changed keeps its snapshot.
	Plans []*Snapshot
	// Oldest is the first plan that has a place in the list: those before it are too old.
	Oldest plan.ID
}

// ListReader is the place of one stream in the list. It belongs to one goroutine.
type ListReader struct {
	hub     *Hub
	list    *List
	version int64     // of the list, when its rows were last read
	away    time.Time // the last answer of Away
}

// OpenList returns a reader of the list, which has to be closed. For the first stream the list has
// no rows yet.
func (h *Hub) OpenList() (*ListReader, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	if h.list == nil {
		ctx, stop := context.WithCancel(context.Background())
		l := &List{source: h.source, stop: stop, waiting: make(waiters)}
		h.list = l
		h.running.Go(func() { l.follow(ctx) })
	}
	h.list.readers++
	return &ListReader{hub: h, list: h.list}, nil
}

// Close ends the reader, and with the last one the reading of the list.
func (r *ListReader) Close() {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	if r.list.readers--; r.list.readers == 0 {
		r.list.stop()
		r.hub.list = nil
	}
}

// Rows returns the present rows, and whether they are others than last time.
func (r *ListReader) Rows() (rows Rows, fresh bool) {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	fresh = r.version != r.list.version
	r.version = r.list.version
	return r.list.rows, fresh
}

// Await has changed raised at the next change; it reports false if there is one already.
func (r *ListReader) Await(changed signal.Flag) bool {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	if r.version != r.list.version || r.away != r.list.away {
		return false
	}
	r.list.waiting[changed] = struct{}{}
	return true
}

// Forget ends an Await.
func (r *ListReader) Forget(changed signal.Flag) {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	delete(r.list.waiting, changed)
}

// Away returns since when the store is away, zero if it is not.
func (r *ListReader) Away() time.Time {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	r.away = r.list.away
	return r.away
}

// follow reads the list until ctx ends.
func (l *List) follow(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		plans, err := briefly(ctx, func(ctx context.Context) ([]plan.Plan, error) {
			return l.source.Plans(ctx, store.PlanQuery{Limit: maxRows})
		})
		if ctx.Err() != nil {
			return
		}
		l.see(plans, began, err)
		wait.For(ctx, listPause)
	}
}

// see takes over what was read. Rows of plans that could not be read stay as they were.
func (l *List) see(plans []plan.Plan, began time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, away := l.version, l.away
	l.away = time.Time{}
	if err != nil && len(plans) == 0 && absent(err) {
		if l.away = away; away.IsZero() {
			l.away = began
		}
	}
	l.take(plans, err == nil)
	if l.version != before || l.away != away {
		l.waiting.wake()
	}
}

// take replaces the rows by those of plans. If these are not all, the old rows of the others stay.
func (l *List) take(plans []plan.Plan, all bool) {
	old := make(map[plan.ID]*Snapshot, len(l.rows.Plans))
	for _, s := range l.rows.Plans {
		old[s.Plan.ID] = s
	}
	next, seen := Rows{}, make(map[plan.ID][]byte, len(plans))
	add := func(s *Snapshot, row []byte) {
		next.Plans = append(next.Plans, s)
		seen[s.Plan.ID] = row
	}
	changed := false
	for i := range plans {
		id := plans[i].ID
		row, err := json.Marshal(wire.PlanSummaryOf(&plans[i], nil))
		row = append(row, removable(&plans[i])...)
		s := old[id]
		if s == nil || err != nil || !bytes.Equal(l.seen[id], row) { // there is no err: a row has texts and numbers
			s, changed = &Snapshot{Plan: plans[i]}, true
		}
		add(s, row)
		delete(old, id)
	}
	if !all {
		for id, s := range old {
			add(s, l.seen[id])
		}
		slices.SortFunc(next.Plans, func(a, b *Snapshot) int { return cmp.Compare(b.Plan.ID, a.Plan.ID) })
		next.Plans = next.Plans[:min(len(next.Plans), maxRows)]
	}
	if len(next.Plans) == maxRows {
		next.Oldest = next.Plans[maxRows-1].Plan.ID
	}
	if changed || len(next.Plans) != len(l.rows.Plans) {
		l.version++
	}
	l.rows, l.seen = next, seen
}

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
	rows    map[plan.ID]*row
	version int64 // counts the reads that found a change
	away    time.Time
	waiting waiters
}

// row is a plan of the list.
type row struct {
	*Snapshot
	seen    []byte // the row, to find out whether it has changed
	removed bool
	version int64 // of the list, when the row changed
}

// Rows are changes of the list, the newest plan first.
type Rows struct {
	Plans []*Snapshot
	// Removed are plans that are not there any more, as they were last seen.
	Removed []*Snapshot
}

// ListReader is the place of one stream in the list. It belongs to one goroutine.
type ListReader struct {
	hub     *Hub
	list    *List
	version int64     // of the list, when its rows were last read
	away    time.Time // the last answer of Away
}

// OpenList returns a reader of the changes of the list from now on, which has to be closed. The
// first stream gets all rows of the list at first.
func (h *Hub) OpenList() (*ListReader, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	if h.list == nil {
		ctx, stop := context.WithCancel(context.Background())
		l := &List{source: h.source, stop: stop, rows: make(map[plan.ID]*row), waiting: make(waiters)}
		h.list = l
		h.running.Go(func() { l.follow(ctx) })
	}
	h.list.readers++
	h.list.mu.Lock()
	defer h.list.mu.Unlock()
	return &ListReader{hub: h, list: h.list, version: h.list.version}, nil
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

// Rows returns the rows that have changed since last time.
func (r *ListReader) Rows() (changed Rows) {
	l := r.list
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.rows {
		switch {
		case w.version <= r.version:
		case w.removed:
			changed.Removed = append(changed.Removed, w.Snapshot)
		default:
			changed.Plans = append(changed.Plans, w.Snapshot)
		}
	}
	r.version = l.version
	newestFirst := func(a, b *Snapshot) int { return cmp.Compare(b.Plan.ID, a.Plan.ID) }
	slices.SortFunc(changed.Plans, newestFirst)
	slices.SortFunc(changed.Removed, newestFirst)
	return changed
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

// see takes over what was read. If some plans could not be read, the others count.
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
	next := l.version + 1
	for i := range plans {
		if l.put(&plans[i], next) {
			l.version = next
		}
	}
	if err == nil && l.drop(plans, next) {
		l.version = next
	}
	if l.version != before || l.away != away {
		l.waiting.wake()
	}
}

// put takes over a plan and reports whether its row has changed.
func (l *List) put(p *plan.Plan, version int64) bool {
	seen, err := json.Marshal(wire.PlanSummaryOf(p, nil))
	if err != nil { // cannot be: it has texts and numbers
		return false
	}
	if old := l.rows[p.ID]; old != nil && !old.removed && bytes.Equal(old.seen, seen) {
		return false
	}
	l.rows[p.ID] = &row{Snapshot: &Snapshot{Plan: *p}, seen: seen, version: version}
	return true
}

// drop marks the rows of plans that were removed, and forgets those that have become too old for
// the list. It reports whether it has marked any.
func (l *List) drop(plans []plan.Plan, version int64) (marked bool) {
	listed := make(map[plan.ID]bool, len(plans))
	for i := range plans {
		listed[plans[i].ID] = true
	}
	for id, w := range l.rows {
		switch {
		case listed[id]:
		case len(plans) == maxRows && id < plans[maxRows-1].ID:
			delete(l.rows, id)
		case !w.removed:
			w.removed, w.version, marked = true, version, true
		}
	}
	return marked
}

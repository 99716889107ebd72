package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
)

// Feed is what is known of one plan.
type Feed struct {
	// Immutable after construction.
	id     plan.ID
	source Source
	stop   context.CancelFunc
	// touched is raised by each event: the document may have changed.
	touched signal.Flag

	readers int // guarded by the mutex of the hub

	mu   sync.Mutex
	log  log
	term int   // counts from 0
	why  error // why the present term has begun
	end  error // why the feed has ended, nil if it has not
	plan *Snapshot
	// seen is the document of the plan without its time, and whether the plan can be removed, to
	// find out whether the document has changed.
	seen    []byte
	away    time.Time // since when the store is away, zero if it is not
	waiting waiters
}

// newFeed returns a feed that begins at the present of a plan.
func newFeed(s Source, p *plan.Plan, stop context.CancelFunc) *Feed {
	f := &Feed{id: p.ID, source: s, stop: stop, touched: signal.NewFlag(), waiting: make(waiters)}
	f.log.last = p.LastEvent
	f.see(p)
	return f
}

// add adds an event to the log.
func (f *Feed) add(e *plan.Event) {
	event := encode(e)
	f.mu.Lock()
	f.log.add(event)
	f.waiting.wake()
	f.mu.Unlock()
	f.touched.Raise()
}

// see replaces the document by what was just read, if it differs.
func (f *Feed) see(p *plan.Plan) {
	timeless := *p
	timeless.Now = time.Time{}
	seen, err := json.Marshal(wire.PlanOf(&timeless, nil, wire.Shown))
	if err != nil { // cannot be: it has texts and numbers
		seen = nil
	}
	seen = append(seen, removable(p)...)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.away.IsZero() {
		f.away = time.Time{}
		f.waiting.wake()
	}
	if f.plan == nil || !bytes.Equal(seen, f.seen) {
		f.plan, f.seen = &Snapshot{Plan: *p}, seen
		f.waiting.wake()
	}
}

// leave notes that the store has been away since a time.
func (f *Feed) leave(since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away.IsZero() {
		f.away = since
		f.waiting.wake()
	}
}

// begin begins a new term at a position.
func (f *Feed) begin(position int64, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.term++
	f.why, f.log = why, log{last: position}
	f.waiting.wake()
}

// finish ends the feed for good.
func (f *Feed) finish(why error) {
	f.stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end == nil {
		f.end = why
		f.waiting.wake()
	}
}

// ended reports whether the feed has ended.
func (f *Feed) ended() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end != nil
}

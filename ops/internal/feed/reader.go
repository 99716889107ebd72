package feed

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// A reader returns at most maxEvents events at once, and not many more than maxBytes.
const (
	maxEvents = store.MaxPage
	maxBytes  = 256 << 10
)

// Reader is the place of one stream in a feed. It belongs to one goroutine.
type Reader struct {
	hub      *Hub
	feed     *Feed
	term     int
	position int64
	plan     *Snapshot // the last one that was shown
	away     time.Time // the last answer of Away
}

// Position returns the number of the last event that was read.
func (r *Reader) Position() int64 { return r.position }

// Close ends the reader, and with the last one the feed.
func (r *Reader) Close() { r.hub.release(r.feed) }

// Events returns the next events, encoded; none if there is nothing new, or while the store is
// away.
//
// An error that matches store.ErrEventsAhead or store.ErrTrimmed says that events were lost: the
// reader goes on at the present. After any other error it returns nothing any more.
func (r *Reader) Events(ctx context.Context) ([]Event, error) {
	events, kept, err := r.kept()
	if err != nil || kept {
		return events, err
	}
	read, err := briefly(ctx, func(ctx context.Context) ([]plan.Event, error) {
		return r.feed.source.Events(ctx, r.feed.id, r.position, maxEvents)
	})
	switch {
	case err == nil:
	case absent(err) || ctx.Err() != nil:
		return nil, nil
	case errors.Is(err, store.ErrTrimmed), errors.Is(err, store.ErrEventsAhead):
		r.skip()
		return nil, err
	default:
		r.feed.finish(err)
		return nil, err
	}
	for i := range read {
		events = append(events, encode(&read[i]))
	}
	events = cut(events)
	r.position += int64(len(events))
	return events, nil
}

// kept returns the next events if the feed has them.
func (r *Reader) kept() (events []Event, kept bool, err error) {
	f := r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.end != nil:
		return nil, false, f.end
	case r.term != f.term:
		r.term, r.position = f.term, f.log.last
		return nil, false, f.why
	}
	events, kept = f.log.after(r.position, maxEvents)
	events = cut(events)
	r.position += int64(len(events))
	return events, kept, nil
}

// cut returns the first of events, as many as are returned at once.
func cut(events []Event) []Event {
	size := 0
	for i, e := range events {
		if size += e.size(); size >= maxBytes {
			return events[:i+1]
		}
	}
	return events
}

// skip goes to the present.
func (r *Reader) skip() {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	r.term, r.position = r.feed.term, r.feed.log.last
}

// Plan returns the present document.
func (r *Reader) Plan() *Snapshot {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	return r.feed.plan
}

// Show returns the present document, and whether it is another one than last time.
func (r *Reader) Show() (s *Snapshot, fresh bool) {
	s = r.Plan()
	fresh = s != r.plan
	r.plan = s
	return s, fresh
}

// Away returns since when the store is away, zero if it is not.
func (r *Reader) Away() time.Time {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	r.away = r.feed.away
	return r.away
}

// Await has changed raised at the next change. It reports false, and does nothing, if there is
// something new already; a document counts only if documents is set.
func (r *Reader) Await(changed signal.Flag, documents bool) bool {
	f := r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end != nil || r.term != f.term || r.position < f.log.last || r.away != f.away || documents && r.plan != f.plan {
		return false
	}
	f.waiting[changed] = struct{}{}
	return true
}

// Forget ends an Await.
func (r *Reader) Forget(changed signal.Flag) {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	delete(r.feed.waiting, changed)
}

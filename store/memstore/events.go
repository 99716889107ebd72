package memstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// entry is an event; its sequence number is its place in the log.
type entry struct {
	at      stamp
	ordinal uint32 // 0 if it is about the plan
	attempt uint32
	cause   word
	from    word
	to      word
	atRest  bool
	detail  *detail // nil if there is nothing
}

// detail is what few events have. It never changes, so that events share it.
type detail struct {
	actor, reason string
	failure       *task.FailureInfo
}

// failureDetail returns the detail of an event that tells of a failure.
func failureDetail(f *task.FailureInfo) *detail {
	if f == nil {
		return nil
	}
	return &detail{failure: f}
}

// eventLog holds the events of a plan in chunks, all but the last of them full.
type eventLog struct {
	chunks  [][]entry
	dropped int64 // events before the first chunk
	last    int64 // the newest sequence number
	limit   int   // how many to keep, 0: all

	own []numbered // of the plan itself, by rising number: all that there ever were
}

// numbered is an event outside of its place in the log.
type numbered struct {
	seq int64
	entry
}

const logChunk = 1024

// first is the sequence number of the oldest event that is kept.
func (l *eventLog) first() int64 {
	if l.limit <= 0 {
		return 1
	}
	return max(1, l.last-int64(l.limit)+1)
}

func (l *eventLog) at(seq int64) *entry {
	i := seq - 1 - l.dropped
	return &l.chunks[i/logChunk][i%logChunk]
}

func (l *eventLog) add(e entry) {
	if (l.last-l.dropped)%logChunk == 0 {
		size := 0 // the first chunk grows: most plans are small
		if len(l.chunks) > 0 {
			size = logChunk
		}
		l.chunks = append(l.chunks, make([]entry, 0, size))
	}
	newest := &l.chunks[len(l.chunks)-1]
	*newest = append(*newest, e)
	l.last++
	if e.ordinal == 0 {
		l.own = append(l.own, numbered{l.last, e})
	}
}

func (l *eventLog) markAtRest() {
	l.at(l.last).atRest = true
	if n := len(l.own); n > 0 && l.own[n-1].seq == l.last {
		l.own[n-1].atRest = true
	}
}

// ownAfter returns up to n events of the plan itself.
func (l *eventLog) ownAfter(after int64, n int) []numbered {
	from, _ := slices.BinarySearchFunc(l.own, after+1, func(e numbered, seq int64) int { return cmp.Compare(e.seq, seq) })
	return l.own[from:min(len(l.own), from+n)]
}

// trim drops the chunks that hold nothing that is to be kept.
func (l *eventLog) trim() {
	for first := l.first(); first > l.dropped+logChunk; l.dropped += logChunk {
		l.chunks[0] = nil
		l.chunks = l.chunks[1:]
	}
}

// entry returns the stored form of a decision's event.
func (p *rollout) entry(e *plan.Event, at stamp) entry {
	en := entry{
		at: at, attempt: uint32(e.Attempt),
		cause: p.words.word(e.Cause), from: p.words.word(e.From), to: p.words.word(e.To),
	}
	if e.Task != 0 {
		en.ordinal = uint32(e.Task.Ordinal())
	}
	d := detail{actor: e.Actor, reason: e.Reason, failure: ownFailure(e.Failure)}
	if d == (detail{}) {
		return en
	}
	en.detail = &d
	if p.log.last > p.log.dropped {
		// The many events of one command share their detail.
		if newest := p.log.at(p.log.last).detail; newest != nil && *newest == d {
			en.detail = newest
		}
	}
	return en
}

// Events implements store.Reader.
func (s *Store) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	if err := store.CheckEvents(after, limit); err != nil {
		return nil, err
	}
	p, err := s.visible(ctx, id)
	if err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	if first := p.log.first(); after < first-1 {
		return nil, &store.TrimmedError{First: first}
	}
	if after > p.log.last {
		return nil, &store.EventsAheadError{After: after, Newest: p.log.last}
	}
	n := min(int64(page(limit)), p.log.last-after)
	if n <= 0 {
		return nil, nil
	}
	texts := s.words.snapshot()
	events := make([]plan.Event, 0, n)
	for seq := after + 1; seq <= after+n; seq++ {
		events = append(events, p.event(seq, p.log.at(seq), texts))
	}
	return events, nil
}

// PlanEvents implements store.Reader.
func (s *Store) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	if err := store.CheckEvents(after, limit); err != nil {
		return nil, err
	}
	p, err := s.visible(ctx, id)
	if err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	if after > p.log.last {
		return nil, &store.EventsAheadError{After: after, Newest: p.log.last}
	}
	texts := s.words.snapshot()
	var events []plan.Event
	for _, own := range p.log.ownAfter(after, page(limit)) {
		events = append(events, p.event(own.seq, &own.entry, texts))
	}
	return events, nil
}

// event returns an event for the caller to keep.
func (p *rollout) event(seq int64, en *entry, texts []string) plan.Event {
	e := plan.Event{
		Seq: seq, At: en.at.time(), Plan: p.plan.ID,
		Cause: texts[en.cause], From: texts[en.from], To: texts[en.to],
		Attempt: int(en.attempt), AtRest: en.atRest,
	}
	if en.ordinal != 0 {
		e.Task = task.NewID(p.plan.ID, int(en.ordinal))
		e.Tenant = p.tasks.at(en.ordinal).tenant
	}
	if d := en.detail; d != nil {
		e.Actor, e.Reason, e.Failure = d.actor, d.reason, ownFailure(d.failure)
	}
	return e
}

// page returns the number of entries to answer when limit is asked for.
func page(limit int) int {
	if limit == 0 {
		return store.MaxPage
	}
	return limit
}

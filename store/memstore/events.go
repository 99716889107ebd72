package memstore

import (
	"cmp"
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// entry returns the stored form of a decision's event.
func (p *rollout) entry(e *plan.Event, at stamp) entry {
	en := entry{
		at: at, attempt: uint32(e.Attempt),
		cause: p.words.word(e.Cause), from: p.words.word(e.From), to: p.words.word(e.To),
	}
	if e.Task != 0 {
		en.ordinal = uint32(e.Task.Ordinal())
	}
	d := detail{actor: e.Actor, reason: e.Reason, filter: e.Filter, wave: e.Wave, added: e.Added, alone: e.StayStopped, failure: clipped(e.Failure)}
	if d == (detail{}) {
		return en
	}
	en.detail = &d
	if p.log.last > p.log.dropped {
		// The events of one command share one detail.
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
	if err := rules.CheckPosition(after, p.log.last, p.log.first()-1, 0); err != nil {
		return nil, err
	}
	n := min(int64(cmp.Or(limit, store.MaxPage)), p.log.last-after)
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
	for _, own := range p.log.ownAfter(after, cmp.Or(limit, store.MaxPage)) {
		events = append(events, p.event(own.seq, &own.entry, texts))
	}
	return events, nil
}

// event returns a copy of an event that shares no memory with the log.
func (p *rollout) event(seq int64, en *entry, texts []string) plan.Event {
	e := plan.Event{
		Seq: seq, At: en.at.Time(), Plan: p.plan.ID,
		Cause: texts[en.cause], From: texts[en.from], To: texts[en.to],
		Attempt: int(en.attempt), AtRest: en.atRest,
	}
	if en.ordinal != 0 {
		e.Task = task.NewID(p.plan.ID, int(en.ordinal))
		e.Tenant = p.tasks.at(en.ordinal).Tenant
	}
	if d := en.detail; d != nil {
		e.Actor, e.Reason, e.Filter, e.Wave, e.Added, e.Failure = d.actor, d.reason, d.filter, d.wave, d.added, clipped(d.failure)
		e.StayStopped = d.alone
	}
	return e
}

// clipped returns a copy of f whose strings are within their bounds.
func clipped(f *task.FailureInfo) *task.FailureInfo {
	if f == nil {
		return nil
	}
	c := f.Clip()
	return &c
}

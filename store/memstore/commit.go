package memstore

import (
	"context"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
)

// Commit implements store.Writer.
func (s *Store) Commit(ctx context.Context, b *store.Batch) error {
	b.Claimed = b.Claimed[:0]
	if err := b.Check(); err != nil {
		return err
	}
	p, moment, err := s.visibleAt(ctx, b.Plan)
	if err != nil {
		return err
	}
	before := p.log.last
	done := rules.Commit(&p.plan, p, b, moment)
	for _, ordinal := range done.Claimed {
		b.Claimed = p.export(b.Claimed, ordinal)
	}
	p.end(before, &done)
	changed, back := p.log.last != before, b.Yields()
	if back {
		s.wake(b.Plan)
	}
	p.mu.Unlock()
	if step := back || b.View.Breached || b.View.Counters.InFlight() == 0; back || changed {
		s.hints.Give(store.Hint{Plan: b.Plan, OnlyEvents: !step}) // the plan needs an engine's step, or is at rest, or is only watched
	}
	return nil
}

// end does what a step asks for, after its events are in the log: it marks the last one if the plan
// is at rest, and drops events that need not be kept. before is the length of the log when the step
// began. The plan is still locked, so that nobody has seen the tokens of the step.
func (p *rollout) end(before int64, done *rules.Outcome) {
	p.clock.issued(done.Newest)
	if p.log.last == before {
		return
	}
	if done.AtRest {
		p.log.markAtRest()
	}
	p.log.trim()
}

package memstore

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
)

// Apply implements store.Writer.
func (s *Store) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	if err := c.Check(); err != nil {
		return store.Applied{}, err
	}
	p, err := s.visible(ctx, c.Plan.ID)
	if err != nil {
		return store.Applied{}, err
	}
	a, err := p.apply(&c, p.moment())
	applied := err == nil && !a.Repeated
	if applied {
		// The plan is still locked here, so that no engine reschedules it without having seen the
		// command.
		s.wake(c.Plan.ID)
	}
	p.mu.Unlock()
	if applied {
		s.hints.Give(store.Hint{Plan: c.Plan.ID})
	}
	return a, err
}

// apply carries out a command.
func (p *rollout) apply(c *store.Command, at rules.Moment) (store.Applied, error) {
	before := p.log.last
	done, err := rules.Apply(&p.plan, p, c, at)
	if err != nil {
		return store.Applied{}, err
	}
	if !done.Repeated {
		p.changedAt = time.Now()
		p.grow(&done)
		for i := range c.Events {
			p.log.add(p.entry(&c.Events[i], at.Now))
		}
		p.end(before, &done)
	}
	return store.Applied{Plan: p.snapshot(), Repeated: done.Repeated}, nil
}

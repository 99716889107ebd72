package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// BeginCreate implements store.Creator.
func (s *Store) BeginCreate(ctx context.Context, c store.Create) (store.Creation, error) {
	if err := ctx.Err(); err != nil {
		return store.Creation{}, err
	}
	if err := c.Check(); err != nil {
		return store.Creation{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := c.Plan.IdempotencyKey
	if old := s.keys[key]; key != "" && old != nil {
		if existing, err := s.created(old, c); existing.ID != 0 || err != nil {
			return existing, err
		}
	}
	s.lastID++
	p := s.newRollout(s.lastID, c)
	s.plans[s.lastID] = p
	s.order = append(s.order, s.lastID)
	if key != "" {
		s.keys[key] = p
	}
	s.agenda.Expect(s.lastID, c.TTL)
	return store.Creation{ID: s.lastID, Mark: c.Mark}, nil
}

// created answers a creation whose key is that of p. It returns the zero Creation if p is being
// removed.
func (s *Store) created(p *rollout, c store.Create) (store.Creation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.stage {
	case creating:
		if p.mark != c.Mark || p.hash != c.Hash {
			return store.Creation{}, store.ErrCreating
		}
		s.agenda.Expect(p.plan.ID, p.ttl) // a repeat after a lost answer
		return store.Creation{ID: p.plan.ID, Mark: p.mark}, nil
	case complete:
		if p.hash != c.Hash {
			return store.Creation{}, store.ErrKeyReused
		}
		return store.Creation{ID: p.plan.ID, Exists: true}, nil
	case leaving: // its key is being removed too
	}
	return store.Creation{}, nil
}

func (s *Store) newRollout(id plan.ID, c store.Create) *rollout {
	return &rollout{
		id:    id,
		words: s.words,
		clock: s.clock,
		plan:  rules.New(id, &c, s.clock.now()),
		mark:  c.Mark, hash: c.Hash, ttl: c.TTL,
		loose: [rules.Undoing + 1]ordinals{rules.Undoing: {downward: true}},
		log:   eventLog{limit: s.cfg.MaxEvents},
	}
}

// creation returns the plan that is being created by c, locked.
func (s *Store) creation(ctx context.Context, c store.Creation) (*rollout, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := s.rollout(c.ID)
	if err != nil {
		return nil, err
	}
	if p.stage == leaving || p.mark != c.Mark {
		p.mu.Unlock()
		return nil, store.ErrNotFound
	}
	return p, nil
}

// AddTenants implements store.Creator.
func (s *Store) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	if err := store.CheckCount("tenants", len(tenants), store.MaxTenants); err != nil {
		return err
	}
	p, err := s.creation(ctx, c)
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	if err := p.checkTenants(first, tenants); err != nil {
		return err
	}
	for _, t := range tenants[min(len(tenants), p.tasks.n+1-first):] {
		p.tasks.add(rules.NewTask(t), p.plan.TaskCount)
	}
	if p.stage == creating {
		s.agenda.Expect(c.ID, p.ttl)
	}
	return nil
}

// checkTenants returns an error unless tenants are the next ones to add. Tenants that were added
// already must be the same.
func (p *rollout) checkTenants(first int, tenants []task.Tenant) error {
	if last := first + len(tenants) - 1; first < 1 || first > p.tasks.n+1 || last > p.plan.TaskCount {
		return fmt.Errorf("%w: tenants %d to %d for a plan that has %d of %d", store.ErrConflict, first, last, p.tasks.n, p.plan.TaskCount)
	}
	for i, t := range tenants {
		o := first + i
		if o > p.tasks.n {
			break
		}
		if had := p.tasks.at(uint32(o)).Tenant; had != t.ID {
			return fmt.Errorf("%w: tenant %d is %q, not %q", store.ErrConflict, o, had, t.ID)
		}
	}
	return nil
}

// FinishCreate implements store.Creator.
func (s *Store) FinishCreate(ctx context.Context, c store.Creation) error {
	p, err := s.creation(ctx, c)
	if err != nil {
		return err
	}
	finished, err := p.finish()
	if finished {
		s.wake(c.ID)
	}
	p.mu.Unlock()
	if finished {
		s.hints.Give(store.Hint{Plan: c.ID})
	}
	return err
}

// finish makes the plan visible and reports whether this call did so.
func (p *rollout) finish() (bool, error) {
	if p.stage == complete {
		return false, nil
	}
	if p.tasks.n != p.plan.TaskCount {
		return false, fmt.Errorf("%w: %d tenants of %d", store.ErrConflict, p.tasks.n, p.plan.TaskCount)
	}
	p.stage = complete
	p.changedAt = time.Now()
	at := p.moment().Now
	created, done := rules.Finish(&p.plan, at)
	p.log.add(p.entry(&created, at))
	p.end(0, &done)
	return true, nil
}

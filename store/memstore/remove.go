package memstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// removeStep is how many tasks one call of Remove deals with.
const removeStep = 10_000

// Remove implements store.Creator.
func (s *Store) Remove(ctx context.Context, id plan.ID) (more bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	p, err := s.rollout(id)
	if err != nil {
		return false, nil // removed already
	}
	if err := s.hide(p); err != nil {
		p.mu.Unlock()
		return false, err
	}
	for end := min(p.gone+removeStep, p.tasks.n); p.gone < end; p.gone++ {
		s.locks.drop(p.tasks.at(uint32(p.gone+1)).tenant, id)
	}
	more = p.gone < p.tasks.n
	p.mu.Unlock()
	s.forget(p, more)
	return more, nil
}

// hide makes a plan that may be removed, and that the caller has locked,
// unreadable.
func (s *Store) hide(p *rollout) error {
	switch p.stage {
	case creating:
		if !s.agenda.abandoned(p.plan.ID) {
			return fmt.Errorf("%w: plan %s is being created", store.ErrConflict, p.plan.ID)
		}
	case complete:
		if !p.plan.Over() {
			return fmt.Errorf("%w: plan %s is %s, not over", store.ErrConflict, p.plan.ID, p.plan.State)
		}
	case leaving:
	}
	p.stage = leaving
	return nil
}

// forget frees the key of a plan at once, and the rest unless there is more to do.
// Until then the agenda brings it up as a creation that was given up.
func (s *Store) forget(p *rollout, more bool) {
	id, key := p.plan.ID, p.plan.IdempotencyKey
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[key] == p {
		delete(s.keys, key)
	}
	if more {
		s.agenda.expect(id, 0)
		return
	}
	s.agenda.drop(id)
	delete(s.plans, id)
	if i, found := slices.BinarySearch(s.order, id); found {
		s.order = slices.Delete(s.order, i, i+1)
	}
}

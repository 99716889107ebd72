package memstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Remove implements store.Creator. One call removes everything.
func (s *Store) Remove(ctx context.Context, id plan.ID) (more bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	p, err := s.rollout(id)
	if err != nil {
		return false, nil // the plan is removed already
	}
	err = s.hide(p)
	p.mu.Unlock()
	if err == nil {
		s.forget(p)
	}
	return false, err
}

// hide makes a plan unreadable, or returns an error if it must not be removed. The caller has it
// locked.
func (s *Store) hide(p *rollout) error {
	switch p.stage {
	case creating:
		if !s.agenda.Abandoned(p.plan.ID) {
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

// forget drops a hidden plan, its key and its locks.
func (s *Store) forget(p *rollout) {
	s.locks.drop(p)
	id, key := p.plan.ID, p.plan.IdempotencyKey
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[key] == p {
		delete(s.keys, key)
	}
	delete(s.plans, id)
	s.nearest(id).CompareAndSwap(p, nil)
	if i, found := slices.BinarySearch(s.order, id); found {
		s.order = slices.Delete(s.order, i, i+1)
	}
	s.agenda.Drop(id)
}

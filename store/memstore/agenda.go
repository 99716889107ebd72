package memstore

import (
	"cmp"
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// wake makes a plan due now, and unread for all subscriptions.
func (s *Store) wake(id plan.ID) {
	s.subscriptions.mu.Lock()
	defer s.subscriptions.mu.Unlock()
	s.agenda.Wake(id)
	now := time.Now()
	for _, of := range s.byName {
		of.show(id, now)
	}
}

// Due implements store.Agenda.
func (s *Store) Due(ctx context.Context, executors []string, limit int) ([]store.DuePlan, error) {
	if err := cmp.Or(store.CheckDue(limit), ctx.Err()); err != nil {
		return nil, err
	}
	return s.agenda.Due(executors, cmp.Or(limit, store.MaxPage)), nil
}

// Reschedule implements store.Agenda.
func (s *Store) Reschedule(ctx context.Context, id plan.ID, stamp uint64, next store.Next) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.agenda.Reschedule(id, stamp, next)
	return nil
}

// Remind implements store.Agenda.
func (s *Store) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	if err := cmp.Or(ctx.Err(), store.CheckCount("plans", len(plans), store.MaxBatch)); err != nil {
		return err
	}
	s.agenda.Remind(plans)
	return nil
}

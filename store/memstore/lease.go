package memstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// leases holds the leases of process incarnations.
type leases struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// renew makes a lease last for ttl from now. A lease that has expired or never existed is made only
// if isNew is true.
func (l *leases) renew(incarnation string, ttl time.Duration, isNew bool) error {
	if incarnation == "" || ttl <= 0 {
		return fmt.Errorf("%w: a lease needs a name and a time to live", store.ErrInvalid)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if isNew {
		for name, until := range l.until {
			if !now.Before(until) {
				delete(l.until, name)
			}
		}
	} else if !now.Before(l.until[incarnation]) {
		delete(l.until, incarnation)
		return store.ErrLeaseExpired
	}
	l.until[incarnation] = now.Add(ttl)
	return nil
}

func (l *leases) end(incarnation string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.until, incarnation)
}

// live reports whether an incarnation has a lease.
func (l *leases) live(incarnation string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until[incarnation])
}

// Join implements store.Leaser.
func (s *Store) Join(ctx context.Context, incarnation string, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.leases.renew(incarnation, ttl, true)
}

// Heartbeat implements store.Leaser.
func (s *Store) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil {
		return nil, err
	}
	if err := s.leases.renew(incarnation, ttl, false); err != nil {
		return nil, err
	}
	var held []store.Holding
	for _, id := range plans {
		p, err := s.visible(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		held = p.holdings(held, func(worker string) bool { return worker == incarnation }, -1)
		p.mu.Unlock()
	}
	return held, nil
}

// Leave implements store.Leaser.
func (s *Store) Leave(ctx context.Context, incarnation string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.leases.end(incarnation)
	return nil
}

// Orphans implements store.Leaser.
func (s *Store) Orphans(ctx context.Context, id plan.ID) ([]store.Holding, error) {
	p, err := s.visible(ctx, id)
	if err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	dead := make(map[string]bool)
	orphaned := func(worker string) bool {
		lost, known := dead[worker]
		if !known {
			lost = !s.leases.live(worker)
			dead[worker] = lost
		}
		return lost
	}
	return p.holdings(nil, orphaned, store.MaxBatch), nil
}

// holdings appends the tasks held by the workers that match, at most limit of them; a negative
// limit means all.
func (p *rollout) holdings(to []store.Holding, match func(worker string) bool, limit int) []store.Holding {
	for _, ordinal := range p.held {
		if limit >= 0 && len(to) >= limit {
			break
		}
		r := p.tasks.at(ordinal)
		worker := p.claims.at(r.claim).worker
		if match(worker) {
			to = append(to, store.Holding{
				Task: task.NewID(p.plan.ID, int(ordinal)), Token: r.token, Worker: worker, Stop: p.stop(ordinal, r),
			})
		}
	}
	return to
}

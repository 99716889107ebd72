package memstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// leases holds the leases of process incarnations.
type leases struct {
	mu     sync.Mutex
	byName map[string]*member
}

// member is an incarnation with a lease.
type member struct {
	until  time.Time // by time.Now
	joined stamp
	store.Process
	store.Load
}

// join makes a lease last for ttl from now, and forgets the leases that are over.
func (l *leases) join(incarnation string, ttl time.Duration, m *member) error {
	if err := checkLease(incarnation, ttl); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(l.byName, func(_ string, other *member) bool { return !now.Before(other.until) })
	m.until = now.Add(ttl)
	l.byName[incarnation] = m
	return nil
}

// change calls f with an incarnation that has a lease.
func (l *leases) change(incarnation string, f func(m *member, now time.Time)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, now := l.byName[incarnation], time.Now()
	if m == nil || !now.Before(m.until) {
		delete(l.byName, incarnation)
		return store.ErrLeaseExpired
	}
	f(m, now)
	return nil
}

func (l *leases) end(incarnation string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byName, incarnation)
}

// live reports whether an incarnation has a lease.
func (l *leases) live(incarnation string) bool {
	return l.change(incarnation, func(*member, time.Time) {}) == nil
}

func checkLease(incarnation string, ttl time.Duration) error {
	if incarnation == "" || ttl <= 0 {
		return fmt.Errorf("%w: a lease needs a name and a time to live", store.ErrInvalid)
	}
	return nil
}

// Join implements store.Leaser.
func (s *Store) Join(ctx context.Context, incarnation string, ttl time.Duration, p store.Process) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	p.Executors = slices.Clone(p.Executors)
	return s.leases.join(incarnation, ttl, &member{Process: p, joined: s.clock.now()})
}

// Heartbeat implements store.Leaser.
func (s *Store) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil {
		return nil, err
	}
	if err := checkLease(incarnation, ttl); err != nil {
		return nil, err
	}
	if err := s.leases.change(incarnation, func(m *member, now time.Time) { m.until = now.Add(ttl) }); err != nil {
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
	for ordinal := range p.held.all() {
		if limit >= 0 && len(to) >= limit {
			break
		}
		r := p.tasks.at(ordinal)
		worker := p.claims.at(r.Claim).worker
		if match(worker) {
			to = append(to, p.plan.Holding(ordinal, r, worker))
		}
	}
	return to
}

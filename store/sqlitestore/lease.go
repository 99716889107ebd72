package sqlitestore

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
	"github.com/cutover-go/cutover/store/rules"
)

// leases holds the leases of process incarnations. They are in memory: all that work on the file
// are in this process, and end with it.
type leases struct {
	mu     sync.Mutex
	byName map[string]*member
}

// member is an incarnation with a lease.
type member struct {
	until  time.Time // by time.Now
	joined rules.Stamp
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
	if l.byName == nil {
		l.byName = make(map[string]*member)
	}
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
	return s.leases.join(incarnation, ttl, &member{Process: p, joined: s.now()})
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
	h := &store.HeartbeatError{Faults: make(map[plan.ID]error)}
	var held []store.Holding
	for _, id := range plans {
		err := s.read(ctx, func(c *conn) (err error) {
			held, err = c.holdings(id, held, func(worker string) bool { return worker == incarnation }, -1)
			return err
		})
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && !errors.Is(err, store.ErrNotFound):
			h.Faults[id] = err
		}
	}
	if len(h.Faults) > 0 {
		return held, h
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
func (s *Store) Orphans(ctx context.Context, id plan.ID) (held []store.Holding, err error) {
	dead := make(map[string]bool)
	orphaned := func(worker string) bool {
		lost, known := dead[worker]
		if !known {
			lost = !s.leases.live(worker)
			dead[worker] = lost
		}
		return lost
	}
	err = s.read(ctx, func(c *conn) (err error) {
		held, err = c.holdings(id, nil, orphaned, store.MaxBatch)
		return err
	})
	return held, err
}

// holdings appends the tasks of a plan that are held by the workers that match, at most limit of
// them; a negative limit means all.
func (c *conn) holdings(id plan.ID, to []store.Holding, match func(worker string) bool, limit int) ([]store.Holding, error) {
	p, err := c.load(id)
	if err != nil {
		return to, err
	}
	r, err := c.loadRows(p)
	if err != nil {
		return to, err
	}
	type hold struct {
		ordinal uint32
		worker  string
	}
	var holds []hold
	add := func(worker string, tasks []uint32) {
		for _, ordinal := range tasks {
			holds = append(holds, hold{ordinal, worker})
		}
	}
	err = c.each("SELECT number, worker, tasks FROM claim WHERE plan = ?", []any{int64(id)}, func(s row) error {
		worker := s.ColumnText(1)
		if r.claims.rows[uint32(s.ColumnInt64(0))] != nil || limit >= 0 && len(holds) >= limit || !match(worker) {
			return nil
		}
		tasks, ok := decodeOrdinals(s.ColumnRawBlob(2))
		if !ok {
			return c.corrupt("claim", id, "the tasks of claim %d make no sense", s.ColumnInt64(0))
		}
		add(worker, tasks)
		return nil
	})
	if err != nil {
		return to, err
	}
	for _, number := range slices.Sorted(maps.Keys(r.claims.rows)) {
		if k := r.claims.rows[number]; match(k.worker) {
			add(k.worker, k.tasks)
		}
	}
	for i, h := range holds {
		if limit >= 0 && i >= limit {
			break
		}
		t, err := r.read(h.ordinal)
		if err != nil {
			return to, err
		}
		to = append(to, p.Holding(h.ordinal, &t.Task, h.worker))
	}
	return to, nil
}

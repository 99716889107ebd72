package sqlitestore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
)

// Report implements store.Registry.
func (s *Store) Report(ctx context.Context, incarnation string, l store.Load) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.Check(); err != nil {
		return err
	}
	l.Plans = slices.Clone(l.Plans)
	return s.leases.change(incarnation, func(m *member, _ time.Time) { m.Load = l })
}

// Workers implements store.Registry.
func (s *Store) Workers(ctx context.Context, from string, limit int) ([]store.Worker, error) {
	if err := store.CheckWorkers(limit); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit = cmp.Or(limit, store.MaxPage)
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	now, stored := time.Now(), s.now()
	var workers []store.Worker
	for _, name := range slices.Sorted(maps.Keys(s.leases.byName)) {
		m := s.leases.byName[name]
		if name < from || !now.Before(m.until) {
			continue
		}
		if len(workers) == limit {
			break
		}
		w := store.Worker{Name: name, Process: m.Process, Load: m.Load, JoinedAt: m.joined.Time()}
		w.LeaseUntil = (stored + rules.Stamp(m.until.Sub(now))).Time()
		w.Executors, w.Plans = slices.Clone(w.Executors), slices.Clone(w.Plans)
		workers = append(workers, w)
	}
	return workers, nil
}

// Holdings implements store.Registry.
func (s *Store) Holdings(ctx context.Context, id plan.ID, incarnation string) (held []store.Holding, err error) {
	err = s.read(ctx, func(c *conn) (err error) {
		held, err = c.holdings(id, nil, func(worker string) bool { return incarnation == "" || worker == incarnation }, -1)
		return err
	})
	slices.SortFunc(held, func(a, b store.Holding) int { return cmp.Compare(a.Task, b.Task) })
	return held, err
}

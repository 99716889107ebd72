package pgstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/instant"
)

// Report implements store.Registry.
func (s *Store) Report(ctx context.Context, incarnation string, l store.Load) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.Check(); err != nil {
		return err
	}
	plans := make([]int64, len(l.Plans))
	for i, id := range l.Plans {
		plans[i] = int64(id)
	}
	var known int64
	if err := s.auto(ctx, func(t *tx) {
		t.affected(func(n int64) { known = n }, "UPDATE @.lease SET held = $2, plans = $3 WHERE incarnation = $1 AND until > "+clock,
			encoded(incarnation), l.Held, plans)
	}); err != nil {
		return err
	}
	if known == 0 {
		return store.ErrLeaseExpired
	}
	return nil
}

// Workers implements store.Registry. It reads all leases: they are few.
func (s *Store) Workers(ctx context.Context, from string, limit int) (workers []store.Worker, err error) {
	if err := store.CheckWorkers(limit); err != nil {
		return nil, err
	}
	var damaged []error
	err = s.auto(ctx, func(t *tx) {
		t.each(func(r pgx.Rows) error {
			var w store.Worker
			var joined, until int64
			var executors string
			var plans []int64
			if err := r.Scan(&w.Name, &joined, &until, &w.Capacity, &w.Held, &executors, &plans); err != nil {
				return err
			}
			if w.Name = decoded(w.Name); w.Name < from {
				return nil
			}
			if err := json.Unmarshal([]byte(executors), &w.Executors); err != nil {
				damaged = append(damaged, s.corruptAt("lease", fmt.Sprintf("incarnation %q", w.Name), err.Error()))
				return nil
			}
			for _, id := range plans {
				w.Plans = append(w.Plans, plan.ID(id))
			}
			skew := time.Duration(s.skew.Load())
			w.JoinedAt, w.LeaseUntil = instant.Time(joined).Add(skew), instant.Time(until).Add(skew)
			workers = append(workers, w)
			return nil
		}, "SELECT incarnation, joined, until, capacity, held, executors, plans FROM @.lease WHERE until > "+clock)
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(workers, func(a, b store.Worker) int { return cmp.Compare(a.Name, b.Name) })
	return workers[:min(len(workers), cmp.Or(limit, store.MaxPage))], errors.Join(damaged...)
}

// Holdings implements store.Registry.
func (s *Store) Holdings(ctx context.Context, id plan.ID, incarnation string) (held []store.Holding, err error) {
	var worker *string
	if incarnation != "" {
		worker = &incarnation
	}
	held, err = s.holdings(ctx, id, worker, false, -1)
	slices.SortFunc(held, func(a, b store.Holding) int { return cmp.Compare(a.Task, b.Task) })
	return held, err
}

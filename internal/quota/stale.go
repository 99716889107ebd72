package quota

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// in returns the places that are taken in a quota.
func (m *Manager) in(ctx context.Context, q store.QuotaKey) (taken []store.Place, err error) {
	err = m.client.Do(ctx, "places", func() (err error) {
		taken, err = m.client.Store.Places(ctx, q)
		return err
	})
	return taken, err
}

// DropStale frees the places in a quota that no task needs, only those of one plan if it is
// not 0, and returns how many. Places whose plans cannot be looked at stay; the error then says so.
func (m *Manager) DropStale(ctx context.Context, q store.QuotaKey, of plan.ID) (freed int, err error) {
	freed, problem, err := m.dropStale(ctx, q, of)
	return freed, cmp.Or(err, problem)
}

// dropStale is DropStale. problem is the error of plans that cannot be looked at.
func (m *Manager) dropStale(ctx context.Context, q store.QuotaKey, of plan.ID) (freed int, problem, err error) {
	taken, err := m.in(ctx, q)
	if err != nil {
		return 0, nil, err
	}
	if of != 0 {
		taken = slices.DeleteFunc(taken, func(p store.Place) bool { return p.Plan != of })
	}
	_, stale, problem := m.judge(ctx, taken)
	if err := m.Vacate(ctx, stale); err != nil {
		return 0, problem, err
	}
	return len(stale), problem, nil
}

// DropOf frees the stale places of the tasks of a plan after an ordinal and up to another one. What
// is damaged it leaves alone: that must not keep other places, and locks, from being freed.
func (m *Manager) DropOf(ctx context.Context, p plan.Plan, after, end int) error {
	if len(p.Strategy.Quotas) == 0 {
		return nil
	}
	known := make(map[store.QuotaKey]struct{})
	var keys []store.QuotaKey
	for first := after + 1; first <= end; first += store.MaxBatch {
		ordinals := make([]int, min(store.MaxBatch, end+1-first))
		for i := range ordinals {
			ordinals[i] = first + i
		}
		tasks, err := m.client.TasksAt(ctx, p.ID, ordinals)
		if err = m.spare("tasks", err); err != nil {
			return err
		}
		for i := range tasks {
			for _, b := range Bounds(p.Strategy.Quotas, tasks[i].Tenant.Labels) {
				if _, twice := known[b.QuotaKey]; !twice {
					known[b.QuotaKey] = struct{}{}
					keys = append(keys, b.QuotaKey)
				}
			}
		}
	}
	counts, err := m.Count(ctx, keys) // one call for many: most are empty
	if err != nil {
		return err
	}
	for i, key := range keys {
		if counts[i] == 0 {
			continue
		}
		_, err := m.DropStale(ctx, key, p.ID)
		if err = m.spare("search for stale places", err); err != nil {
			return err
		}
	}
	return nil
}

// spare reports an error that says that something is damaged, and returns any other one.
func (m *Manager) spare(op string, err error) error {
	if errors.Is(err, store.ErrCorrupt) {
		m.client.Fault(op, err)
		return nil
	}
	return err
}

// Holders returns the tasks that have the places of a quota, and need them.
func (m *Manager) Holders(ctx context.Context, q store.QuotaKey) (held []store.Place, err error) {
	taken, err := m.in(ctx, q)
	if err != nil {
		return nil, err
	}
	held, _, err = m.judge(ctx, taken)
	slices.SortFunc(held, func(a, b store.Place) int {
		return cmp.Or(cmp.Compare(a.Plan, b.Plan), cmp.Compare(a.Ordinal, b.Ordinal))
	})
	return held, err
}

// judge tells the places that are needed from those that are stale. The places must have been
// read before the call: a place that is found stale stays so as long as it has exactly this value,
// because a worker gives it another one before it works on the task. The places of a plan that
// cannot be looked at count as needed; the error is that of the first such plan.
func (m *Manager) judge(ctx context.Context, places []store.Place) (held, stale []store.Place, err error) {
	of := make(map[plan.ID][]store.Place)
	for _, p := range places {
		of[p.Plan] = append(of[p.Plan], p)
	}
	for id, places := range of {
		needed, old, problem := m.judgeOf(ctx, id, places)
		if problem != nil {
			needed, old, err = places, nil, cmp.Or(err, problem)
		}
		held, stale = append(held, needed...), append(stale, old...)
	}
	return held, stale, err
}

// judgeOf judges places of one plan.
func (m *Manager) judgeOf(ctx context.Context, id plan.ID, places []store.Place) (held, stale []store.Place, err error) {
	p, err := m.client.Plan(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Over() {
		return nil, places, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for batch := range slices.Chunk(places, store.MaxBatch) {
		ordinals := make([]int, len(batch))
		for i, l := range batch {
			ordinals[i] = l.Ordinal
		}
		tasks, err := m.client.TasksAt(ctx, id, ordinals)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, nil, err
		}
		inFlight := make(map[int]bool, len(tasks))
		for _, t := range tasks {
			inFlight[t.ID.Ordinal()] = t.State.InFlight()
		}
		for _, l := range batch {
			if l.Start == p.StartToken && (inFlight[l.Ordinal] || tenantlock.ClaimUnderWay(l.Phase)) {
				held = append(held, l)
			} else {
				stale = append(stale, l)
			}
		}
	}
	return held, stale, nil
}

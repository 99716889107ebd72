package memstore

import (
	"context"
	"sync"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// quotas holds the places that are taken, by quota and task.
type quotas struct {
	mu    sync.Mutex
	byKey map[store.QuotaKey]map[task.ID]store.Place
}

func newQuotas() *quotas {
	return &quotas{byKey: make(map[store.QuotaKey]map[task.ID]store.Place)}
}

// Occupy implements store.Places.
func (qs *quotas) Occupy(ctx context.Context, asked []store.Occupation) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckOccupations(asked); err != nil {
		return err
	}
	qs.mu.Lock()
	defer qs.mu.Unlock()
	for i := range asked {
		qs.occupy(&asked[i])
	}
	return nil
}

// occupy takes one place if it may be taken.
func (qs *quotas) occupy(o *store.Occupation) {
	id, of := task.NewID(o.Plan, o.Ordinal), qs.byKey[o.QuotaKey]
	had, has := of[id]
	if !rules.Occupy(o, had, has, len(of)) {
		return
	}
	if of == nil {
		of = make(map[task.ID]store.Place)
		qs.byKey[o.QuotaKey] = of
	}
	of[id] = o.Place
}

// Vacate implements store.Places.
func (qs *quotas) Vacate(ctx context.Context, places []store.Place) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckCount("places", len(places), store.MaxBatch); err != nil {
		return err
	}
	qs.mu.Lock()
	defer qs.mu.Unlock()
	for _, p := range places {
		of, id := qs.byKey[p.QuotaKey], task.NewID(p.Plan, p.Ordinal)
		if had, has := of[id]; !has || had != p {
			continue
		}
		if delete(of, id); len(of) == 0 {
			delete(qs.byKey, p.QuotaKey)
		}
	}
	return nil
}

// Places implements store.Places.
func (qs *quotas) Places(ctx context.Context, q store.QuotaKey) (taken []store.Place, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	qs.mu.Lock()
	defer qs.mu.Unlock()
	for _, p := range qs.byKey[q] {
		taken = append(taken, p)
	}
	return taken, nil
}

// CountPlaces implements store.Places.
func (qs *quotas) CountPlaces(ctx context.Context, keys []store.QuotaKey) ([]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := store.CheckCount("quotas", len(keys), store.MaxBatch); err != nil {
		return nil, err
	}
	qs.mu.Lock()
	defer qs.mu.Unlock()
	counts := make([]int, len(keys))
	for i, q := range keys {
		counts[i] = len(qs.byKey[q])
	}
	return counts, nil
}

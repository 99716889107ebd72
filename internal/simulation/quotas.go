package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// tenantOf returns one of the tenants that all plans share. They are of two shards and two racks,
// and the last has no shard.
func tenantOf(i int) task.Tenant {
	t := task.Tenant{ID: fmt.Sprintf("t%d", i), Labels: map[string]string{"rack": fmt.Sprint("r", i/3)}}
	if i < tenants-1 {
		t.Labels["shard"] = fmt.Sprint("s", i%2)
	}
	return t
}

// drawQuotas draws the quotas of a history, of which each plan has all, some or none.
func drawQuotas(r *rand.Rand) []strategy.Quota {
	return one(r, nil, []strategy.Quota{{Label: "shard", Max: 1}}, []strategy.Quota{{Label: "shard", Max: 1 + r.IntN(2)}, {Label: "rack", Max: 1 + r.IntN(2)}})
}

// bounds returns the quotas that bind a task.
func (w *world) bounds(id task.ID, t task.Tenant) []quota.Bound {
	p, err := w.store.Plan(context.Background(), id.Plan())
	if err != nil {
		return nil
	}
	return quota.Bounds(p.Strategy.Quotas, t.Labels)
}

// checkQuotas checks, when an executor starts, that it has its places, and that no more of those
// whose writes the store accepts are at work than the quotas allow. The caller has the lock.
func (l *ledger) checkQuotas(e *engagement) {
	if !l.w.store.current(e.task, e.token) {
		return
	}
	for _, b := range e.bounds {
		n := 0
		for other := range l.active {
			if slices.Contains(other.bounds, b) && l.w.store.current(other.task, other.token) {
				n++
			}
		}
		if n > b.Max {
			l.w.faultf("%d tasks of %v are worked on, the quota is %d; the last is %s", n, b.QuotaKey, b.Max, e.task)
		}
		places, err := l.w.store.Places(context.Background(), b.QuotaKey)
		own := func(p store.Place) bool { return task.NewID(p.Plan, p.Ordinal) == e.task }
		if err != nil || len(places) > b.Max || !slices.ContainsFunc(places, own) && l.w.store.current(e.task, e.token) {
			l.w.faultf("task %s is worked on with these places of %v: %+v, %v", e.task, b.QuotaKey, places, err)
		}
	}
}

// Occupy implements store.Places.
func (a *audit) Occupy(ctx context.Context, asked []store.Occupation) error {
	err := a.Store.Occupy(ctx, asked)
	a.w.logf("occupy %+v: %v", asked, err)
	return err
}

// Vacate implements store.Places.
func (a *audit) Vacate(ctx context.Context, places []store.Place) error {
	err := a.Store.Vacate(ctx, places)
	a.w.logf("vacate %+v: %v", places, err)
	return err
}

// crowded reports whether a task that p may begin finds no place in a quota.
func (w *world) crowded(ctx context.Context, p plan.Plan) bool {
	if len(p.Strategy.Quotas) == 0 {
		return false
	}
	return slices.ContainsFunc(w.tasks(ctx, p.ID), func(t task.Task) bool {
		return t.State == task.Pending && t.ID.Ordinal() <= p.Grant.LastOrdinal && slices.ContainsFunc(quota.Bounds(p.Strategy.Quotas, t.Tenant.Labels), func(b quota.Bound) bool {
			taken, err := w.store.CountPlaces(ctx, []store.QuotaKey{b.QuotaKey})
			return err == nil && taken[0] >= b.Max
		})
	})
}

// checkPlaces checks that all places are free soon, now that every plan is over; but for those that
// were taken after their plan was removed, as with locks.
func (w *world) checkPlaces(ctx context.Context) {
	var keys []store.QuotaKey
	for i := range tenants {
		for label, value := range tenantOf(i).Labels {
			if key := (store.QuotaKey{Label: label, Value: value}); !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	var left []store.Place
	for deadline := time.Now().Add(2 * calmTimeout); time.Now().Before(deadline); time.Sleep(leaseTTL / 10) {
		left = nil
		for _, key := range keys {
			places, err := w.store.Places(ctx, key)
			if err != nil {
				w.faultf("places: %v", err)
			}
			left = append(left, places...)
		}
		left = slices.DeleteFunc(left, func(p store.Place) bool {
			_, err := w.store.Plan(ctx, p.Plan)
			return errors.Is(err, store.ErrNotFound)
		})
		if len(left) == 0 {
			return
		}
	}
	w.faultf("every plan is over, and taken are %+v\n%s", left, w.state(ctx))
}

package redisstore

import (
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// agenda says in both stores when the plan is due again, and compares for whom it is due.
func (d *duel) agenda() {
	d.Helper()
	types := []string{"X", "x", "of two", "\x00;\n 1", strings.Repeat("é", 128)}
	for range 3 {
		next := store.Next{After: pick(d, 0, time.Hour, -1), Executor: pick(d, append(types, "")...)}
		// When the hold of a command ends, only one store makes the plan due: then both do.
		remind := d.rand.Intn(3) > 0 || time.Since(d.decided) > time.Second
		stale := pick(d, uint64(0), 0, 1)
		d.both(func(k int, s store.Store) error {
			if remind {
				if err := s.Remind(d.Context(), map[plan.ID]time.Duration{d.ids[k]: 0}); err != nil {
					return err
				}
			}
			now := d.entry(s, d.ids[k], types...)
			if now == nil {
				return nil
			}
			return s.Reschedule(d.Context(), d.ids[k], now.Stamp-stale, next)
		})
		for _, executors := range [][]string{nil, types, {pick(d, types...), pick(d, types...)}} {
			want, got := d.entry(d.stores[0], d.ids[0], executors...), d.entry(d.stores[1], d.ids[1], executors...)
			// This store makes a plan due again a few seconds after a command.
			if (got != nil) != (want != nil) && (want != nil || time.Since(d.decided) < 4*time.Second) {
				d.Fatalf("after %+v, stale by %d: due for %q is %+v, want %+v", next, stale, executors, got, want)
			}
		}
	}
}

// entry returns a plan's entry for an engine with these executors, nil if it is not due.
func (d *duel) entry(s store.Store, id plan.ID, executors ...string) *store.DuePlan {
	d.Helper()
	due, err := s.Due(d.Context(), executors, 0)
	if err != nil {
		d.Fatal(err)
	}
	if i := slices.IndexFunc(due, func(p store.DuePlan) bool { return p.ID == id }); i >= 0 {
		return &due[i]
	}
	return nil
}

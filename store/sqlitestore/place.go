package sqlitestore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
)

// quotas are the places in quotas.
type quotas struct{ store *Store }

// placeOf reads the place of a task in a quota.
func (c *conn) placeOf(q store.QuotaKey, id plan.ID, ordinal int) (p store.Place, has bool, err error) {
	var bad error
	has, err = c.one(selectPlaces+" AND plan = ? AND ordinal = ?", []any{q.Label, q.Value, int64(id), ordinal}, func(r row) { p, bad = c.scanPlace(q, r) })
	return p, has, cmp.Or(err, bad)
}

const selectPlaces = "SELECT plan, ordinal, start, phase FROM place WHERE label = ? AND value = ?"

// scanPlace reads a row of selectPlaces.
func (c *conn) scanPlace(q store.QuotaKey, r row) (p store.Place, err error) {
	p = store.Place{QuotaKey: q, Plan: plan.ID(r.ColumnInt64(0)), Ordinal: r.ColumnInt(1), Start: uint64(r.ColumnInt64(2)), Phase: uint32(r.ColumnInt64(3))}
	if fault := planrecord.HoldFault(r.ColumnInt64(0), r.ColumnInt64(1), r.ColumnInt64(3)); fault != "" {
		err = c.corruptAt("place", fmt.Sprintf("quota %q = %q, plan %d, ordinal %d", q.Label, q.Value, p.Plan, p.Ordinal), fault)
	}
	return p, err
}

func (c *conn) countPlaces(q store.QuotaKey) (int, error) {
	n, err := c.number("SELECT count(*) FROM place WHERE label = ? AND value = ?", q.Label, q.Value)
	return int(n), err
}

// Occupy implements store.Places.
func (ps *quotas) Occupy(ctx context.Context, asked []store.Occupation) error {
	if err := store.CheckOccupations(asked); err != nil {
		return err
	}
	own := slices.Clone(asked)
	err := ps.store.writer.commit(ctx, func(tx *tx) error {
		for i := range own {
			if err := tx.occupy(&own[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		copy(asked, own)
	}
	return err
}

// occupy takes one place if it may be taken.
func (c *conn) occupy(o *store.Occupation) error {
	had, has, err := c.placeOf(o.QuotaKey, o.Plan, o.Ordinal)
	if err != nil {
		return err
	}
	taken := 0
	if !has {
		if taken, err = c.countPlaces(o.QuotaKey); err != nil {
			return err
		}
	}
	if !rules.Occupy(o, had, has, taken) {
		return nil
	}
	return c.exec("REPLACE INTO place VALUES (?, ?, ?, ?, ?, ?)", o.Label, o.Value, int64(o.Plan), o.Ordinal, int64(o.Start), o.Phase)
}

// Vacate implements store.Places.
func (ps *quotas) Vacate(ctx context.Context, places []store.Place) error {
	if err := store.CheckCount("places", len(places), store.MaxBatch); err != nil {
		return err
	}
	places = slices.Clone(places)
	return ps.store.writer.commit(ctx, func(tx *tx) error {
		for i := range places {
			p := &places[i]
			if err := tx.exec("DELETE FROM place WHERE label = ? AND value = ? AND plan = ? AND ordinal = ? AND start = ? AND phase = ?",
				p.Label, p.Value, int64(p.Plan), p.Ordinal, int64(p.Start), p.Phase); err != nil {
				return err
			}
		}
		return nil
	})
}

// Places implements store.Places.
func (ps *quotas) Places(ctx context.Context, q store.QuotaKey) (taken []store.Place, err error) {
	err = ps.store.read(ctx, func(c *conn) error {
		taken = nil
		return c.each(selectPlaces, []any{q.Label, q.Value}, func(r row) error {
			p, err := c.scanPlace(q, r)
			taken = append(taken, p)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// CountPlaces implements store.Places.
func (ps *quotas) CountPlaces(ctx context.Context, quotas []store.QuotaKey) ([]int, error) {
	if err := store.CheckCount("quotas", len(quotas), store.MaxBatch); err != nil {
		return nil, err
	}
	counts := make([]int, len(quotas))
	err := ps.store.read(ctx, func(c *conn) (err error) {
		for i, q := range quotas {
			if counts[i], err = c.countPlaces(q); err != nil {
				return err
			}
		}
		return nil
	})
	return counts, err
}

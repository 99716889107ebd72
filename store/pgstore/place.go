package pgstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// places has the methods of store.Places.
type places struct{ store *Store }

// column is a quota as the tables have it.
type column struct{ label, value string }

// maxQuotaText is the longest text that is part of a key: an index takes no row of 2.7 KB.
const maxQuotaText = 512

// columnOf returns a quota as the tables have it. A long text is there as its digest, which no
// other text is encoded as.
func columnOf(q store.QuotaKey) column {
	text := func(s string) string {
		if len(s) <= maxQuotaText {
			return encoded(s)
		}
		sum := sha256.Sum256([]byte(s))
		return marker + "sha256:" + hex.EncodeToString(sum[:])
	}
	return column{text(q.Label), text(q.Value)}
}

// placeOf names what a task can have one place of.
type placeOf struct {
	column
	task task.ID
}

func (p *placeRows) add(q store.QuotaKey, id plan.ID, ordinal int, start uint64, phase uint32) {
	c := columnOf(q)
	p.label, p.value = append(p.label, c.label), append(p.value, c.value)
	p.plan, p.ordinal = append(p.plan, int64(id)), append(p.ordinal, int32(ordinal))
	p.start, p.phase = append(p.start, int64(start)), append(p.phase, int64(phase))
}

// placeRows are places that are written, or looked for, together.
type placeRows struct {
	label, value       []string
	plan, start, phase []int64
	ordinal            []int32
}

func (p *placeRows) args() []any { return []any{p.label, p.value, p.plan, p.ordinal, p.start, p.phase} }

const unnestPlaces = "unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::bigint[], $6::bigint[]) AS u (label, value, plan, ordinal, start, phase)"

// scanPlace reads a row of the table place: a place without its quota.
func (s *Store) scanPlace(r pgx.Rows) (p store.Place, of column, err error) {
	var start, phase int64
	err = r.Scan(&of.label, &of.value, &p.Plan, &p.Ordinal, &start, &phase)
	p.Start, p.Phase = uint64(start), uint32(phase)
	if fault := planrecord.HoldFault(int64(p.Plan), int64(p.Ordinal), phase); err == nil && fault != "" {
		err = s.corruptAt("place", fmt.Sprintf("quota %q = %q, plan %d, ordinal %d", decoded(of.label), decoded(of.value), p.Plan, p.Ordinal), fault)
	}
	return p, of, err
}

// Occupy implements store.Places.
func (ps *places) Occupy(ctx context.Context, asked []store.Occupation) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckOccupations(asked); err != nil || len(asked) == 0 {
		return err
	}
	own := slices.Clone(asked)
	if err := ps.store.write(ctx, func(t *tx) error { return t.occupy(own) }); err != nil {
		return err
	}
	for i := range asked {
		asked[i].Taken, asked[i].Other = own[i].Taken, own[i].Other
	}
	return nil
}

func (t *tx) occupy(asked []store.Occupation) error {
	var quotas []store.QuotaKey
	var sought placeRows
	for i := range asked {
		o := &asked[i]
		quotas = append(quotas, o.QuotaKey)
		sought.add(o.QuotaKey, o.Plan, o.Ordinal, 0, 0)
	}
	labels, values := quotaColumns(quotas)
	t.exec("INSERT INTO @.quota (label, value) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (label, value) DO NOTHING", labels, values)
	// In a statement of its own: the next ones see what others have committed meanwhile.
	t.exec(`SELECT 1 FROM @.quota AS q JOIN unnest($1::text[], $2::text[]) AS u (label, value) ON q.label = u.label AND q.value = u.value
		ORDER BY q.label COLLATE "C", q.value COLLATE "C" FOR UPDATE OF q`, labels, values)
	counts := make(map[column]int)
	t.queueCounts(labels, values, counts)
	had := make(map[placeOf]store.Place)
	t.each(func(r pgx.Rows) error {
		p, of, err := t.s.scanPlace(r)
		had[placeOf{of, task.NewID(p.Plan, p.Ordinal)}] = p
		return err
	}, "SELECT p.label, p.value, p.plan, p.ordinal, p.start, p.phase FROM "+unnestPlaces+
		" JOIN @.place AS p ON p.label = u.label AND p.value = u.value AND p.plan = u.plan AND p.ordinal = u.ordinal", sought.args()...)
	if err := t.flush(); err != nil {
		return err
	}
	changed := make(map[placeOf]store.Place)
	for i := range asked {
		o := &asked[i]
		at := placeOf{columnOf(o.QuotaKey), task.NewID(o.Plan, o.Ordinal)}
		before, has := had[at]
		before.QuotaKey = o.QuotaKey
		if !rules.Occupy(o, before, has, counts[at.column]) {
			continue
		}
		if !has {
			counts[at.column]++
		}
		had[at], changed[at] = o.Place, o.Place
	}
	t.savePlaces(changed)
	return nil
}

func (t *tx) savePlaces(changed map[placeOf]store.Place) {
	if len(changed) == 0 {
		return
	}
	var rows placeRows
	for _, p := range changed {
		rows.add(p.QuotaKey, p.Plan, p.Ordinal, p.Start, p.Phase)
	}
	t.exec("INSERT INTO @.place (label, value, plan, ordinal, start, phase) SELECT u.* FROM "+unnestPlaces+
		" ON CONFLICT (label, value, plan, ordinal) DO UPDATE SET start = excluded.start, phase = excluded.phase", rows.args()...)
}

// quotaColumns returns quotas, each once and in order.
func quotaColumns(quotas []store.QuotaKey) (labels, values []string) {
	columns := make([]column, len(quotas))
	for i, q := range quotas {
		columns[i] = columnOf(q)
	}
	slices.SortFunc(columns, func(a, b column) int {
		return cmp.Or(cmp.Compare(a.label, b.label), cmp.Compare(a.value, b.value))
	})
	labels, values = []string{}, []string{}
	for _, c := range slices.Compact(columns) {
		labels, values = append(labels, c.label), append(values, c.value)
	}
	return labels, values
}

// queueCounts adds the query for how many places are taken in quotas.
func (t *tx) queueCounts(labels, values []string, counts map[column]int) {
	t.each(func(r pgx.Rows) error {
		var of column
		var n int
		err := r.Scan(&of.label, &of.value, &n)
		counts[of] = n
		return err
	}, `SELECT u.label, u.value, (SELECT count(*) FROM @.place AS p WHERE p.label = u.label AND p.value = u.value)
		FROM unnest($1::text[], $2::text[]) AS u (label, value)`, labels, values)
}

// Vacate implements store.Places.
func (ps *places) Vacate(ctx context.Context, places []store.Place) error {
	if err := store.CheckCount("places", len(places), store.MaxBatch); err != nil {
		return err
	}
	var rows placeRows
	var quotas []store.QuotaKey
	for i := range places {
		p := &places[i]
		quotas = append(quotas, p.QuotaKey)
		rows.add(p.QuotaKey, p.Plan, p.Ordinal, p.Start, p.Phase)
	}
	labels, values := quotaColumns(quotas)
	return ps.store.write(ctx, func(t *tx) error {
		t.exec(`SELECT 1 FROM @.quota AS q JOIN unnest($1::text[], $2::text[]) AS u (label, value) ON q.label = u.label AND q.value = u.value
			ORDER BY q.label COLLATE "C", q.value COLLATE "C" FOR UPDATE OF q`, labels, values)
		if len(rows.label) > 0 {
			t.exec("DELETE FROM @.place AS p USING "+unnestPlaces+` WHERE p.label = u.label AND p.value = u.value AND p.plan = u.plan
				AND p.ordinal = u.ordinal AND p.start = u.start AND p.phase = u.phase`, rows.args()...)
		}
		return nil
	})
}

// Places implements store.Places.
func (ps *places) Places(ctx context.Context, q store.QuotaKey) (taken []store.Place, err error) {
	of := columnOf(q)
	err = ps.store.auto(ctx, func(t *tx) {
		t.each(func(r pgx.Rows) error {
			p, _, err := ps.store.scanPlace(r)
			p.QuotaKey = q
			taken = append(taken, p)
			return err
		}, "SELECT label, value, plan, ordinal, start, phase FROM @.place WHERE label = $1 AND value = $2", of.label, of.value)
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// CountPlaces implements store.Places.
func (ps *places) CountPlaces(ctx context.Context, quotas []store.QuotaKey) ([]int, error) {
	if err := store.CheckCount("quotas", len(quotas), store.MaxBatch); err != nil {
		return nil, err
	}
	labels, values := quotaColumns(quotas)
	counts := make(map[column]int)
	if err := ps.store.auto(ctx, func(t *tx) { t.queueCounts(labels, values, counts) }); err != nil {
		return nil, err
	}
	list := make([]int, len(quotas))
	for i, q := range quotas {
		list[i] = counts[columnOf(q)]
	}
	return list, nil
}

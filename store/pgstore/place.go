package pgstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// places has the methods of store.Places.
type places struct{ store *Store }

// placeOf names what a task can have one place of.
type placeOf struct {
	store.QuotaKey
	task task.ID
}

func (p *placeRows) add(q store.QuotaKey, id plan.ID, ordinal int, start uint64, phase uint32) {
	p.label, p.value = append(p.label, encoded(q.Label)), append(p.value, encoded(q.Value))
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

// scanPlace reads a row of the table place.
func scanPlace(r pgx.Rows) (p store.Place, err error) {
	var start, phase int64
	err = r.Scan(&p.Label, &p.Value, &p.Plan, &p.Ordinal, &start, &phase)
	p.Label, p.Value, p.Start, p.Phase = decoded(p.Label), decoded(p.Value), uint64(start), uint32(phase)
	return p, err
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
	counts := make(map[store.QuotaKey]int)
	t.queueCounts(labels, values, counts)
	had := make(map[placeOf]store.Place)
	t.each(func(r pgx.Rows) error {
		p, err := scanPlace(r)
		had[placeOf{p.QuotaKey, task.NewID(p.Plan, p.Ordinal)}] = p
		return err
	}, "SELECT p.label, p.value, p.plan, p.ordinal, p.start, p.phase FROM "+unnestPlaces+
		" JOIN @.place AS p ON p.label = u.label AND p.value = u.value AND p.plan = u.plan AND p.ordinal = u.ordinal", sought.args()...)
	if err := t.flush(); err != nil {
		return err
	}
	changed := make(map[placeOf]store.Place)
	for i := range asked {
		o := &asked[i]
		at := placeOf{o.QuotaKey, task.NewID(o.Plan, o.Ordinal)}
		before, has := had[at]
		replaced := o.Place
		replaced.Phase = o.From
		o.Taken, o.Other = false, store.Place{}
		switch {
		case has && before != o.Place && (o.From == 0 || before != replaced):
			o.Other = before
			continue
		case !has && counts[o.QuotaKey] >= o.Max:
			continue
		case !has:
			counts[o.QuotaKey]++
		}
		had[at], changed[at], o.Taken = o.Place, o.Place, true
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
	quotas = slices.Clone(quotas)
	slices.SortFunc(quotas, func(a, b store.QuotaKey) int {
		return cmp.Or(cmp.Compare(encoded(a.Label), encoded(b.Label)), cmp.Compare(encoded(a.Value), encoded(b.Value)))
	})
	labels, values = []string{}, []string{}
	for _, q := range slices.Compact(quotas) {
		labels, values = append(labels, encoded(q.Label)), append(values, encoded(q.Value))
	}
	return labels, values
}

// queueCounts adds the query for how many places are taken in quotas.
func (t *tx) queueCounts(labels, values []string, counts map[store.QuotaKey]int) {
	t.each(func(r pgx.Rows) error {
		var q store.QuotaKey
		var n int
		err := r.Scan(&q.Label, &q.Value, &n)
		counts[store.QuotaKey{Label: decoded(q.Label), Value: decoded(q.Value)}] = n
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
	err = ps.store.auto(ctx, func(t *tx) {
		t.each(func(r pgx.Rows) error {
			p, err := scanPlace(r)
			taken = append(taken, p)
			return err
		}, "SELECT label, value, plan, ordinal, start, phase FROM @.place WHERE label = $1 AND value = $2", encoded(q.Label), encoded(q.Value))
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
	counts := make(map[store.QuotaKey]int)
	if err := ps.store.auto(ctx, func(t *tx) { t.queueCounts(labels, values, counts) }); err != nil {
		return nil, err
	}
	list := make([]int, len(quotas))
	for i, q := range quotas {
		list[i] = counts[q]
	}
	return list, nil
}

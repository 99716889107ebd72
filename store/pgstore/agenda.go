package pgstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/rules"
)

// expect makes a creation due when ttl has passed without another call for it.
func (t *tx) expect(id plan.ID, ttl time.Duration) {
	t.exec(`INSERT INTO @.agenda (plan, stamp, due, hold, creating) VALUES ($1, nextval('@.stamp'), `+clock+` + $2, 0, true)
		ON CONFLICT (plan) DO UPDATE SET stamp = excluded.stamp, due = excluded.due, creating = true, executor = NULL, since = NULL`, int64(id), ttl.Microseconds())
}

// Due implements store.Agenda.
func (s *Store) Due(ctx context.Context, executors []string, limit int) (plans []store.DuePlan, err error) {
	if err := store.CheckDue(limit); err != nil {
		return nil, err
	}
	types := make([][]byte, len(executors))
	for i, x := range executors {
		types[i] = []byte(x)
	}
	err = s.auto(ctx, func(t *tx) {
		t.each(func(r pgx.Rows) error {
			var p store.DuePlan
			var late int64
			err := r.Scan(&p.ID, &p.Stamp, &p.Creating, &late)
			p.Late = time.Duration(max(0, late)) * time.Microsecond
			plans = append(plans, p)
			return err
		}, "WITH t AS MATERIALIZED (SELECT "+clock+` AS now), d AS (
				(SELECT a.plan, a.due FROM t, @.agenda AS a WHERE a.due <= t.now ORDER BY a.due, a.plan LIMIT $1)
				UNION ALL
				(SELECT a.plan, a.since FROM @.agenda AS a WHERE a.executor = ANY ($2::bytea[]) ORDER BY a.since, a.plan LIMIT $1)
			), f AS (SELECT plan, min(due) AS due FROM d GROUP BY plan ORDER BY min(due), plan LIMIT $1)
			SELECT a.plan, a.stamp, a.creating, t.now - f.due FROM t, f JOIN @.agenda AS a ON a.plan = f.plan ORDER BY f.due, f.plan`,
			cmp.Or(limit, store.MaxPage), types)
	})
	if err != nil {
		return nil, err
	}
	return plans, nil
}

// Reschedule implements store.Agenda.
func (s *Store) Reschedule(ctx context.Context, id plan.ID, stamp uint64, next store.Next) error {
	us := int64(-1)
	if next.After >= 0 {
		us = instant.MicrosOf(rules.Stamp(next.After))
	}
	var executor []byte
	if next.Executor != "" {
		executor = []byte(next.Executor)
	}
	return s.auto(ctx, func(t *tx) {
		// A reminder that is still to come has a say: due is no later, and the stamp another.
		t.exec("WITH t AS MATERIALIZED (SELECT "+clock+` AS now), n AS (
			SELECT t.now, a.hold > t.now AND ($3::bigint < 0 OR t.now + $3::bigint > a.hold) AS held FROM t, @.agenda AS a WHERE a.plan = $1)
			UPDATE @.agenda AS a SET due = CASE WHEN n.held THEN a.hold WHEN $3::bigint < 0 THEN NULL ELSE n.now + $3::bigint END,
			stamp = CASE WHEN n.held THEN nextval('@.stamp') ELSE a.stamp END,
			executor = $4::bytea, since = CASE WHEN $4::bytea IS NOT NULL THEN n.now END
			FROM n WHERE a.plan = $1 AND a.stamp = $2`, int64(id), int64(stamp), us, executor)
	})
}

// Remind implements store.Agenda.
func (s *Store) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(plans))
	list, after := make([]int64, len(ids)), make([]int64, len(ids))
	for i, id := range ids {
		list[i], after[i] = int64(id), max(0, plans[id].Microseconds())
	}
	return s.write(ctx, func(t *tx) error {
		t.exec("SELECT 1 FROM @.agenda WHERE plan = ANY ($1::bigint[]) ORDER BY plan FOR UPDATE", list)
		// Whoever read the agenda before the reminder, and was frozen, finds another stamp.
		t.exec("WITH t AS MATERIALIZED (SELECT "+clock+` AS now)
			UPDATE @.agenda AS a SET hold = greatest(a.hold, t.now + u.after), due = least(a.due, t.now + u.after), stamp = nextval('@.stamp')
			FROM t, unnest($1::bigint[], $2::bigint[]) AS u (plan, after) WHERE a.plan = u.plan AND NOT a.creating`, list, after)
		return nil
	})
}

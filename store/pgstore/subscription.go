package pgstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
)

// subscriptions has the methods of store.Subscriptions.
type subscriptions struct{ store *Store }

// soon is when a plan is due again that could not be marked as read.
const soon = time.Second

const selectSubscription = `SELECT s.name, s.number, s.newest, s.ready, s.status, s.dropped,
	(SELECT count(*) FROM @.unread AS u WHERE u.subscription = s.name),
	(SELECT count(*) FROM @.dead_letter AS d WHERE d.subscription = s.name) FROM @.subscription AS s`

// queueSubscriptions adds a query for subscriptions.
func (t *tx) queueSubscriptions(all *[]store.Subscription, where string, args ...any) {
	t.each(func(r pgx.Rows) error {
		var s store.Subscription
		var number int64
		var ready bool
		var text string
		if err := r.Scan(&s.Name, &number, &s.Newest, &ready, &text, &s.Dropped, &s.Unread, &s.DeadLetters); err != nil {
			return err
		}
		s.Cursor = fmt.Sprintf("%s@%d", s.Name, number)
		var st planrecord.SubscriptionStatus
		if err := json.Unmarshal([]byte(text), &st); err != nil {
			return t.s.corruptAt("subscription", s.Name, err.Error())
		}
		s.Status = store.SubscriptionStatus{
			Ready: ready, FailingSince: st.FailingSince, ErrorAt: st.ErrorAt, Error: st.Error, DeliveredAt: st.DeliveredAt,
		}
		*all = append(*all, s)
		return nil
	}, selectSubscription+where, args...)
}

// Subscribe implements store.Subscriptions.
func (ss *subscriptions) Subscribe(ctx context.Context, name string, fromStart bool) (store.Subscription, error) {
	if err := store.CheckSubscription(name); err != nil {
		return store.Subscription{}, err
	}
	var found []store.Subscription
	err := ss.store.write(ctx, func(t *tx) error {
		t.exec(`INSERT INTO @.subscription (name, number, newest, ready, status, dropped) SELECT $1, nextval('@.subscription_number'),
			CASE WHEN $2 OR NOT is_called THEN 0 ELSE last_value END, false, '{}', 0 FROM @.plan_id ON CONFLICT (name) DO NOTHING`, name, fromStart)
		t.queueSubscriptions(&found, " WHERE s.name = $1", name)
		return t.flush()
	})
	switch {
	case err != nil:
		return store.Subscription{}, err
	case len(found) == 0: // it was removed at the same time
		return store.Subscription{}, &store.TemporaryError{Err: fmt.Errorf("%w: subscription %q", store.ErrNotFound, name)}
	}
	return found[0], nil
}

// Unsubscribe implements store.Subscriptions.
func (ss *subscriptions) Unsubscribe(ctx context.Context, name string) error {
	if err := store.CheckSubscription(name); err != nil {
		return err
	}
	return ss.store.write(ctx, func(t *tx) error {
		t.exec("DELETE FROM @.subscription WHERE name = $1", name)
		t.exec("DELETE FROM @.unread WHERE subscription = $1", name)
		t.exec("DELETE FROM @.dead_letter WHERE subscription = $1", name)
		return nil
	})
}

// ListSubscriptions implements store.Subscriptions.
func (ss *subscriptions) ListSubscriptions(ctx context.Context) (all []store.Subscription, err error) {
	err = ss.store.auto(ctx, func(t *tx) { t.queueSubscriptions(&all, ` ORDER BY s.name COLLATE "C"`) })
	return all, err
}

// with runs f in a transaction in which a subscription stays.
func (ss *subscriptions) with(ctx context.Context, invalid error, name string, f func(t *tx) error) error {
	if err := cmp.Or(ctx.Err(), invalid, store.CheckSubscription(name)); err != nil {
		return err
	}
	return ss.store.write(ctx, func(t *tx) error {
		if err := t.subscribed(name, "FOR KEY SHARE"); err != nil {
			return err
		}
		return f(t)
	})
}

// subscribed returns an error unless there is a subscription of that name.
func (t *tx) subscribed(name, lock string) error {
	var is bool
	t.one(&is, []any{new(bool)}, "SELECT true FROM @.subscription WHERE name = $1 "+lock, name)
	err := t.flush()
	if err == nil && !is {
		err = fmt.Errorf("%w: subscription %q", store.ErrNotFound, name)
	}
	return err
}

// ReportSubscription implements store.Subscriptions.
func (ss *subscriptions) ReportSubscription(ctx context.Context, name string, st store.SubscriptionStatus) error {
	text, err := json.Marshal(planrecord.SubscriptionStatus{FailingSince: st.FailingSince, ErrorAt: st.ErrorAt, Error: st.Error, DeliveredAt: st.DeliveredAt})
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	return ss.with(ctx, st.Check(), name, func(t *tx) error {
		t.exec("UPDATE @.subscription SET ready = ready OR $2, status = $3 WHERE name = $1", name, st.Ready, string(text))
		return nil
	})
}

// Unread implements store.Subscriptions.
func (ss *subscriptions) Unread(ctx context.Context, name string, limit int, hide time.Duration) (plans []store.DuePlan, err error) {
	if err := store.CheckUnread(name, limit, hide); err != nil {
		return nil, err
	}
	read := func(r pgx.Rows) error {
		var p store.DuePlan
		err := r.Scan(&p.ID, &p.Stamp, &p.Creating)
		plans = append(plans, p)
		return err
	}
	const found = `SELECT u.plan, coalesce(a.stamp, 0), coalesce(a.creating, false) FROM u LEFT JOIN @.agenda AS a ON a.plan = u.plan ORDER BY u.due, u.plan`
	limit = cmp.Or(limit, store.MaxPage)
	if hide == 0 {
		err = ss.store.read(ctx, func(t *tx) error {
			if err := t.subscribed(name, ""); err != nil {
				return err
			}
			t.each(read, "WITH u AS (SELECT plan, due FROM @.unread WHERE subscription = $1 ORDER BY due, plan LIMIT $2) "+found, name, limit)
			return t.flush()
		})
	} else {
		err = ss.with(ctx, nil, name, func(t *tx) error {
			// Those that another caller is about to take are passed over.
			t.each(read, "WITH u AS (SELECT plan, due FROM @.unread WHERE subscription = $1 AND due <= "+clock+` ORDER BY due, plan LIMIT $2 FOR UPDATE SKIP LOCKED),
				hidden AS (UPDATE @.unread AS n SET due = `+clock+" + $3 FROM u WHERE n.subscription = $1 AND n.plan = u.plan) "+found, name, limit, hide.Microseconds())
			return t.flush()
		})
	}
	if err != nil {
		return nil, err
	}
	return plans, nil
}

// show makes a plan unread and due in a while, unless it is due earlier.
const show = `INSERT INTO @.unread AS u (subscription, plan, due) SELECT $1, p, ` + clock + ` + $3 FROM unnest($2::bigint[]) AS p
	ON CONFLICT (subscription, plan) DO UPDATE SET due = least(u.due, excluded.due)`

// MarkUnread implements store.Subscriptions.
func (ss *subscriptions) MarkUnread(ctx context.Context, name string, plans []plan.ID) error {
	list := make([]int64, len(plans))
	for i, id := range plans {
		list[i] = int64(id)
	}
	slices.Sort(list)
	list = slices.Compact(list)
	return ss.with(ctx, store.CheckCount("plans", len(plans), store.MaxBatch), name, func(t *tx) error {
		t.exec(show, name, list, 0)
		return nil
	})
}

// MarkRead implements store.Subscriptions.
func (ss *subscriptions) MarkRead(ctx context.Context, name string, id plan.ID, stamp uint64, after time.Duration) error {
	return ss.with(ctx, store.CheckMarkRead(name, after), name, func(t *tx) error {
		// Whoever puts the plan on the agenda locks this row before it makes the plan unread.
		var present uint64
		var is bool
		t.one(&is, []any{&present}, "SELECT stamp FROM @.agenda WHERE plan = $1 FOR UPDATE", int64(id))
		if err := t.flush(); err != nil {
			return err
		}
		switch {
		case is && present != stamp:
			t.exec(show, name, []int64{int64(id)}, soon.Microseconds())
		case after < 0:
			t.exec("DELETE FROM @.unread WHERE subscription = $1 AND plan = $2", name, int64(id))
		default:
			t.exec(`INSERT INTO @.unread (subscription, plan, due) VALUES ($1, $2, `+clock+` + $3)
				ON CONFLICT (subscription, plan) DO UPDATE SET due = excluded.due`, name, int64(id), after.Microseconds())
		}
		return nil
	})
}

// Positions implements store.Subscriptions.
func (ss *subscriptions) Positions(ctx context.Context, cursor string, plans []plan.ID) (positions []int64, err error) {
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil {
		return nil, err
	}
	list, at := make([]int64, len(plans)), make(map[int64]int64)
	for i, id := range plans {
		list[i] = int64(id)
	}
	err = ss.store.auto(ctx, func(t *tx) {
		t.each(func(r pgx.Rows) error {
			var id, seq int64
			err := r.Scan(&id, &seq)
			at[id] = seq
			return err
		}, "SELECT plan, seq FROM @.cursor WHERE name = $1 AND plan = ANY ($2::bigint[])", encoded(cursor), list)
	})
	if err != nil {
		return nil, err
	}
	positions = make([]int64, len(plans))
	for i, id := range list {
		positions[i] = at[id]
	}
	return positions, nil
}

package sqlitestore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
)

// subscriptions has the methods of store.Subscriptions.
type subscriptions struct{ store *Store }

// soon is when a plan is due again that could not be marked as read.
const soon = time.Second

const selectSubscription = `SELECT s.name, s.number, s.newest, s.ready, s.status, s.dropped,
	(SELECT count(*) FROM unread AS u WHERE u.subscription = s.name),
	(SELECT count(*) FROM dead_letter AS d WHERE d.subscription = s.name) FROM subscription AS s`

func (c *conn) scanSubscription(r row) (s store.Subscription, err error) {
	s.Name, s.Newest, s.Dropped, s.Unread, s.DeadLetters = r.ColumnText(0), plan.ID(r.ColumnInt64(2)), r.ColumnInt(5), r.ColumnInt(6), r.ColumnInt(7)
	s.Cursor = fmt.Sprintf("%s@%d", s.Name, r.ColumnInt64(1))
	var st planrecord.SubscriptionStatus
	if err := json.Unmarshal(r.ColumnRawText(4), &st); err != nil {
		return s, c.corruptAt("subscription", s.Name, err.Error())
	}
	s.Status = store.SubscriptionStatus{
		Ready: r.ColumnInt64(3) != 0, FailingSince: st.FailingSince, ErrorAt: st.ErrorAt, Error: st.Error, DeliveredAt: st.DeliveredAt,
	}
	return s, nil
}

// subscription reads a subscription; is is false if there is none.
func (c *conn) subscription(name string) (s store.Subscription, is bool, err error) {
	var bad error
	is, err = c.one(selectSubscription+" WHERE s.name = ?", []any{name}, func(r row) { s, bad = c.scanSubscription(r) })
	return s, is, cmp.Or(err, bad)
}

// Subscribe implements store.Subscriptions.
func (ss *subscriptions) Subscribe(ctx context.Context, name string, fromStart bool) (store.Subscription, error) {
	if err := store.CheckSubscription(name); err != nil {
		return store.Subscription{}, err
	}
	var s store.Subscription
	err := ss.store.writer.write(ctx, func(tx *tx) (err error) {
		var is bool
		if s, is, err = tx.subscription(name); is || err != nil {
			return err
		}
		var newest int64
		if !fromStart {
			if newest, err = tx.number("SELECT seq FROM sqlite_sequence WHERE name = 'plan'"); err != nil {
				return err
			}
		}
		number, err := tx.number("INSERT INTO meta VALUES ('subscriptions', 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value")
		if err != nil {
			return err
		}
		if err := tx.exec("INSERT INTO subscription VALUES (?, ?, ?, 0, '{}', 0)", name, number, newest); err != nil {
			return err
		}
		s, _, err = tx.subscription(name)
		return err
	})
	if err != nil {
		return store.Subscription{}, err
	}
	return s, nil
}

// Unsubscribe implements store.Subscriptions.
func (ss *subscriptions) Unsubscribe(ctx context.Context, name string) error {
	if err := store.CheckSubscription(name); err != nil {
		return err
	}
	return ss.store.writer.write(ctx, func(tx *tx) error {
		for _, sql := range []string{
			"DELETE FROM subscription WHERE name = ?", "DELETE FROM unread WHERE subscription = ?", "DELETE FROM dead_letter WHERE subscription = ?",
		} {
			if err := tx.exec(sql, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// ListSubscriptions implements store.Subscriptions.
func (ss *subscriptions) ListSubscriptions(ctx context.Context) (all []store.Subscription, err error) {
	err = ss.store.read(ctx, func(c *conn) error {
		return c.each(selectSubscription+" ORDER BY s.name", nil, func(r row) error {
			s, err := c.scanSubscription(r)
			all = append(all, s)
			return err
		})
	})
	return all, err
}

// with runs a job about a subscription that exists.
func (ss *subscriptions) with(ctx context.Context, invalid error, name string, f func(tx *tx) error) error {
	if err := cmp.Or(invalid, store.CheckSubscription(name)); err != nil {
		return err
	}
	return ss.store.writer.write(ctx, func(tx *tx) error {
		if err := tx.subscribed(name); err != nil {
			return err
		}
		return f(tx)
	})
}

// subscribed returns an error unless there is a subscription of that name.
func (c *conn) subscribed(name string) error {
	n, err := c.number("SELECT count(*) FROM subscription WHERE name = ?", name)
	if err == nil && n == 0 {
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
	return ss.with(ctx, st.Check(), name, func(tx *tx) error {
		return tx.exec("UPDATE subscription SET ready = max(ready, ?), status = ? WHERE name = ?", st.Ready, string(text), name)
	})
}

// Unread implements store.Subscriptions.
func (ss *subscriptions) Unread(ctx context.Context, name string, limit int, hide time.Duration) (plans []store.DuePlan, err error) {
	if err := store.CheckUnread(name, limit, hide); err != nil {
		return nil, err
	}
	if hide == 0 {
		err = ss.store.read(ctx, func(c *conn) (err error) {
			if err := c.subscribed(name); err != nil {
				return err
			}
			plans, err = ss.due(c, "", name, 0, limit)
			return err
		})
		return plans, err
	}
	var due []store.DuePlan
	err = ss.with(ctx, nil, name, func(tx *tx) (err error) {
		now := time.Now()
		if due, err = ss.due(tx.conn, "AND due <= ?", name, now.UnixMicro(), limit); err != nil {
			return err
		}
		for _, p := range due {
			if err := tx.exec("UPDATE unread SET due = ? WHERE subscription = ? AND plan = ?", now.Add(hide).UnixMicro(), name, int64(p.ID)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return due, nil
}

// due returns unread plans, those that have waited longest first.
func (ss *subscriptions) due(c *conn, which, name string, now int64, limit int) (plans []store.DuePlan, err error) {
	args := []any{name, cmp.Or(limit, store.MaxPage)}
	if which != "" {
		args = slices.Insert(args, 1, any(now))
	}
	err = c.each("SELECT plan FROM unread WHERE subscription = ? "+which+" ORDER BY due, plan LIMIT ?", args, func(r row) error {
		p, _ := ss.store.agenda.Entry(plan.ID(r.ColumnInt64(0)))
		plans = append(plans, p)
		return nil
	})
	return plans, err
}

// show makes a plan unread and due at a time, unless it is due earlier.
func (c *conn) show(name string, id plan.ID, at time.Time) error {
	return c.exec("INSERT INTO unread VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET due = min(due, excluded.due)", name, int64(id), at.UnixMicro())
}

// MarkUnread implements store.Subscriptions.
func (ss *subscriptions) MarkUnread(ctx context.Context, name string, plans []plan.ID) error {
	plans = slices.Clone(plans)
	return ss.with(ctx, store.CheckCount("plans", len(plans), store.MaxBatch), name, func(tx *tx) error {
		for _, id := range plans {
			if err := tx.show(name, id, time.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// MarkRead implements store.Subscriptions.
func (ss *subscriptions) MarkRead(ctx context.Context, name string, id plan.ID, stamp uint64, after time.Duration) error {
	return ss.with(ctx, store.CheckMarkRead(name, after), name, func(tx *tx) error {
		present, is := ss.store.agenda.Entry(id)
		switch now := time.Now(); {
		case is && present.Stamp != stamp:
			return tx.show(name, id, now.Add(soon))
		case after < 0:
			return tx.exec("DELETE FROM unread WHERE subscription = ? AND plan = ?", name, int64(id))
		default:
			return tx.exec("REPLACE INTO unread VALUES (?, ?, ?)", name, int64(id), now.Add(after).UnixMicro())
		}
	})
}

// Positions implements store.Subscriptions.
func (ss *subscriptions) Positions(ctx context.Context, cursor string, plans []plan.ID) (positions []int64, err error) {
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil {
		return nil, err
	}
	err = ss.store.read(ctx, func(c *conn) error {
		positions = make([]int64, len(plans))
		for i, id := range plans {
			if positions[i], err = c.number("SELECT seq FROM cursor WHERE plan = ? AND name = ?", int64(id), cursor); err != nil {
				return err
			}
		}
		return nil
	})
	return positions, err
}

package sqlitestore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
)

// AddDeadLetter implements store.Subscriptions.
func (ss *subscriptions) AddDeadLetter(ctx context.Context, name string, d store.DeadLetter) error {
	text, err := json.Marshal(planrecord.DeadLetter{Plan: int64(d.Plan), First: d.First, Last: d.Last, At: d.At, Reason: d.Reason})
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	return ss.with(ctx, d.Check(), name, func(tx *tx) error {
		if err := tx.exec(`INSERT INTO dead_letter SELECT ?1, ?2, 1 + coalesce(max(number), 0), ?3 FROM dead_letter WHERE subscription = ?1
			ON CONFLICT DO UPDATE SET letter = excluded.letter`, name, d.ID, string(text)); err != nil {
			return err
		}
		n, err := tx.number("SELECT count(*) FROM dead_letter WHERE subscription = ?", name)
		if over := n - store.MaxDeadLetters; err == nil && over > 0 {
			err = tx.exec(`DELETE FROM dead_letter WHERE subscription = ?1 AND id IN (
				SELECT id FROM dead_letter WHERE subscription = ?1 ORDER BY number LIMIT ?2)`, name, over)
			if err == nil {
				err = tx.exec("UPDATE subscription SET dropped = dropped + ? WHERE name = ?", over, name)
			}
		}
		return err
	})
}

// DeadLetters implements store.Subscriptions.
func (ss *subscriptions) DeadLetters(ctx context.Context, name string) (letters []store.DeadLetter, err error) {
	if err := store.CheckSubscription(name); err != nil {
		return nil, err
	}
	err = ss.store.read(ctx, func(c *conn) error {
		if err := c.subscribed(name); err != nil {
			return err
		}
		return c.each("SELECT id, letter FROM dead_letter WHERE subscription = ? ORDER BY number", []any{name}, func(r row) error {
			d := store.DeadLetter{ID: r.ColumnText(0)}
			var l planrecord.DeadLetter
			if err := json.Unmarshal(r.ColumnRawText(1), &l); err != nil {
				return c.corruptAt("dead_letter", name+", "+d.ID, err.Error())
			}
			d.Plan, d.First, d.Last, d.At, d.Reason = plan.ID(l.Plan), l.First, l.Last, l.At, l.Reason
			letters = append(letters, d)
			return nil
		})
	})
	return letters, err
}

// DropDeadLetter implements store.Subscriptions.
func (ss *subscriptions) DropDeadLetter(ctx context.Context, name, id string) error {
	return ss.with(ctx, nil, name, func(tx *tx) error {
		return tx.exec("DELETE FROM dead_letter WHERE subscription = ? AND id = ?", name, id)
	})
}

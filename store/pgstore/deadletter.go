package pgstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

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
	return ss.with(ctx, d.Check(), name, func(t *tx) error {
		t.exec("SELECT 1 FROM @.subscription WHERE name = $1 FOR NO KEY UPDATE", name) // one at a time
		t.exec(`INSERT INTO @.dead_letter (subscription, id, number, letter)
			SELECT $1, $2, 1 + coalesce(max(number), 0), $3 FROM @.dead_letter WHERE subscription = $1
			ON CONFLICT (subscription, id) DO UPDATE SET letter = excluded.letter`, name, encoded(d.ID), string(text))
		t.exec(`WITH over AS (DELETE FROM @.dead_letter WHERE subscription = $1 AND id IN (
				SELECT id FROM @.dead_letter WHERE subscription = $1 ORDER BY number DESC OFFSET $2) RETURNING 1)
			UPDATE @.subscription SET dropped = dropped + (SELECT count(*) FROM over) WHERE name = $1 AND EXISTS (SELECT 1 FROM over)`,
			name, store.MaxDeadLetters)
		return nil
	})
}

// DeadLetters implements store.Subscriptions.
func (ss *subscriptions) DeadLetters(ctx context.Context, name string) (letters []store.DeadLetter, err error) {
	if err := store.CheckSubscription(name); err != nil {
		return nil, err
	}
	err = ss.store.read(ctx, func(t *tx) error {
		if err := t.subscribed(name, ""); err != nil {
			return err
		}
		t.each(func(r pgx.Rows) error {
			var id, text string
			if err := r.Scan(&id, &text); err != nil {
				return err
			}
			var l planrecord.DeadLetter
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				return ss.store.corruptAt("dead_letter", name+", "+decoded(id), err.Error())
			}
			letters = append(letters, store.DeadLetter{ID: decoded(id), Plan: plan.ID(l.Plan), First: l.First, Last: l.Last, At: l.At, Reason: l.Reason})
			return nil
		}, "SELECT id, letter FROM @.dead_letter WHERE subscription = $1 ORDER BY number", name)
		return t.flush()
	})
	return letters, err
}

// DropDeadLetter implements store.Subscriptions.
func (ss *subscriptions) DropDeadLetter(ctx context.Context, name, id string) error {
	return ss.with(ctx, nil, name, func(t *tx) error {
		t.exec("DELETE FROM @.dead_letter WHERE subscription = $1 AND id = $2", name, encoded(id))
		return nil
	})
}

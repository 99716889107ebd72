package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Cursor implements store.Cursors.
func (s *Store) Cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration) (seq int64, err error) {
	var done, is bool
	err = s.auto(ctx, func(t *tx) {
		// Locking the plan's row keeps Remove from leaving the cursor behind.
		t.one(&done, []any{&seq}, `INSERT INTO @.cursor AS c (plan, name, owner, until, seq)
			SELECT id, $2, $3, `+clock+` + $4, 0 FROM @.plan WHERE id = $1 AND stage = 1 FOR SHARE
			ON CONFLICT (plan, name) DO UPDATE SET owner = excluded.owner, until = excluded.until
			WHERE c.owner = excluded.owner OR c.until <= `+clock+` RETURNING seq`, int64(id), encoded(name), encoded(owner), ttl.Microseconds())
		t.one(&is, []any{new(bool)}, "SELECT true FROM @.plan WHERE id = $1 AND stage = 1", int64(id))
	})
	switch {
	case err != nil:
		return 0, err
	case done:
		return seq, nil
	case !is:
		return 0, store.ErrNotFound
	}
	return 0, fmt.Errorf("%w: cursor %q of plan %s belongs to another owner", store.ErrConflict, name, id)
}

// MoveCursor implements store.Cursors.
func (s *Store) MoveCursor(ctx context.Context, id plan.ID, name, owner string, seq int64) error {
	return s.write(ctx, func(t *tx) error {
		var owned bool
		t.one(&owned, []any{new(bool)}, "SELECT true FROM @.cursor WHERE plan = $1 AND name = $2 AND owner = $3 AND until > "+clock+" FOR UPDATE",
			int64(id), encoded(name), encoded(owner))
		last, _, err := t.lastEvent(id)
		switch {
		case err != nil:
			return err
		case !owned:
			return fmt.Errorf("%w: cursor %q of plan %s does not belong to %q", store.ErrConflict, name, id, owner)
		case seq > last:
			return &store.EventsAheadError{After: seq, Newest: last}
		}
		t.exec("UPDATE @.cursor SET seq = $3 WHERE plan = $1 AND name = $2", int64(id), encoded(name), seq)
		return nil
	})
}

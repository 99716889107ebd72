package sqlitestore

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// position is a row of the table cursor.
type position struct {
	owner string
	until int64
	seq   int64
}

// cursor reads a cursor of a plan that can be read.
func (c *conn) cursor(id plan.ID, name string) (p position, err error) {
	if at, err := c.stageOf(id); err != nil || at != complete {
		return p, notFoundOr(err)
	}
	_, err = c.one("SELECT owner, until, seq FROM cursor WHERE plan = ? AND name = ?", []any{int64(id), name}, func(r row) {
		p = position{r.ColumnText(0), r.ColumnInt64(1), r.ColumnInt64(2)}
	})
	return p, err
}

func notFoundOr(err error) error {
	if err != nil {
		return err
	}
	return store.ErrNotFound
}

func (c *conn) setCursor(id plan.ID, name string, p position) error {
	return c.exec("REPLACE INTO cursor VALUES (?, ?, ?, ?, ?)", int64(id), name, p.owner, p.until, p.seq)
}

// Cursor implements store.Cursors.
func (s *Store) Cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration) (int64, error) {
	var seq int64
	err := s.writer.write(ctx, func(tx *tx) error {
		p, err := tx.cursor(id, name)
		if err != nil {
			return err
		}
		now := time.Now().UnixMicro()
		if p.owner != owner && now < p.until {
			return fmt.Errorf("%w: cursor %q of plan %s belongs to %q", store.ErrConflict, name, id, p.owner)
		}
		seq = p.seq
		return tx.setCursor(id, name, position{owner, now + ttl.Microseconds(), p.seq})
	})
	if err != nil {
		return 0, err
	}
	return seq, nil
}

// MoveCursor implements store.Cursors.
func (s *Store) MoveCursor(ctx context.Context, id plan.ID, name, owner string, seq int64) error {
	return s.writer.write(ctx, func(tx *tx) error {
		p, err := tx.cursor(id, name)
		if err != nil {
			return err
		}
		if p.owner != owner || time.Now().UnixMicro() >= p.until {
			return fmt.Errorf("%w: cursor %q of plan %s does not belong to %q", store.ErrConflict, name, id, owner)
		}
		last, _, err := tx.lastEvent(id)
		if err != nil {
			return err
		}
		if seq > last {
			return &store.EventsAheadError{After: seq, Newest: last}
		}
		return tx.setCursor(id, name, position{owner, p.until, seq})
	})
}

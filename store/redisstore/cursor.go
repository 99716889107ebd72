package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Cursor implements store.Cursors.
func (s *Store) Cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration) (int64, error) {
	return s.cursor(ctx, id, name, owner, ttl, -1)
}

// MoveCursor implements store.Cursors.
func (s *Store) MoveCursor(ctx context.Context, id plan.ID, name, owner string, seq int64) error {
	if seq < 0 {
		return fmt.Errorf("redisstore: %d is no position", seq)
	}
	_, err := s.cursor(ctx, id, name, owner, 0, seq)
	if ahead := (*store.EventsAheadError)(nil); errors.As(err, &ahead) {
		ahead.After = seq
	}
	return err
}

// cursor calls cursor.lua.
func (s *Store) cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration, seq int64) (int64, error) {
	key := s.keys.plan(id)
	argv := append(s.client.scripts.cursor.argv(nil, key), name, owner, ttl.Microseconds(), seq)
	answer, err := s.client.run(ctx, s.client.scripts.cursor, key, false, argv)
	if err != nil {
		return 0, err
	}
	r := reader{key: s.keys.cursors(id), rest: answer[1:] + ";"}
	return r.number(';'), r.err()
}

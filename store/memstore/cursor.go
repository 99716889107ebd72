package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Cursor implements store.Cursors.
func (s *Store) Cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration) (int64, error) {
	p, err := s.visible(ctx, id)
	if err != nil {
		return 0, err
	}
	defer p.mu.Unlock()
	now := time.Now()
	c := p.cursors[name]
	if c.owner != owner && now.Before(c.until) {
		return 0, fmt.Errorf("%w: cursor %q of plan %s belongs to %q", store.ErrConflict, name, id, c.owner)
	}
	c.owner, c.until = owner, now.Add(ttl)
	if p.cursors == nil {
		p.cursors = make(map[string]cursor)
	}
	p.cursors[name] = c
	return c.seq, nil
}

// MoveCursor implements store.Cursors.
func (s *Store) MoveCursor(ctx context.Context, id plan.ID, name, owner string, seq int64) error {
	p, err := s.visible(ctx, id)
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	c := p.cursors[name]
	if c.owner != owner || !time.Now().Before(c.until) {
		return fmt.Errorf("%w: cursor %q of plan %s does not belong to %q", store.ErrConflict, name, id, owner)
	}
	if seq > p.log.last {
		return &store.EventsAheadError{After: seq, Newest: p.log.last}
	}
	c.seq = seq
	p.cursors[name] = c
	return nil
}

package observed

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

type agenda struct {
	inner store.Agenda
	o     Observer
}

func (s agenda) Due(ctx context.Context, executors []string, limit int) ([]store.DuePlan, error) {
	ctx, mark := s.o.Begin(ctx, OpDue)
	answer, err := s.inner.Due(ctx, executors, limit)
	s.o.End(ctx, OpDue, mark, err)
	return answer, err
}

func (s agenda) Reschedule(ctx context.Context, id plan.ID, stamp uint64, next store.Next) error {
	ctx, mark := s.o.Begin(ctx, OpReschedule)
	err := s.inner.Reschedule(ctx, id, stamp, next)
	s.o.End(ctx, OpReschedule, mark, err)
	return err
}

func (s agenda) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	ctx, mark := s.o.Begin(ctx, OpRemind)
	err := s.inner.Remind(ctx, plans)
	s.o.End(ctx, OpRemind, mark, err)
	return err
}

type cursors struct {
	inner store.Cursors
	o     Observer
}

func (s cursors) Cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration) (int64, error) {
	ctx, mark := s.o.Begin(ctx, OpCursor)
	answer, err := s.inner.Cursor(ctx, id, name, owner, ttl)
	s.o.End(ctx, OpCursor, mark, err)
	return answer, err
}

func (s cursors) MoveCursor(ctx context.Context, id plan.ID, name, owner string, seq int64) error {
	ctx, mark := s.o.Begin(ctx, OpMoveCursor)
	err := s.inner.MoveCursor(ctx, id, name, owner, seq)
	s.o.End(ctx, OpMoveCursor, mark, err)
	return err
}

func (s agenda) Listen(ctx context.Context, hint func(store.Hint)) error {
	return s.inner.Listen(ctx, hint)
}

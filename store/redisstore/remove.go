package redisstore

import (
	"context"
	"errors"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Remove implements store.Creator. The plan's record goes last, so that whoever finds
// it knows where to go on. Several may do so at once: who finds at any step that the plan
// is gone comes second, and what he has put on the agenda goes, too.
func (s *Store) Remove(ctx context.Context, id plan.ID) (more bool, err error) {
	more, err = s.removals.step(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		more, err = false, nil
	}
	if err != nil || more {
		return more, err
	}
	return false, s.removals.forget(ctx, id)
}

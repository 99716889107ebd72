package redisstore

import (
	"context"
	"errors"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Remove implements store.Creator. The plan's record is deleted last, so a process that finds it
// knows where to continue. Several processes may remove a plan concurrently: a process that finds
// at any step that another process has deleted the plan removes the agenda entry that it has made
// itself.
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

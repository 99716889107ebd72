package redisstore

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/store"
)

// Commit implements store.Writer.
func (s *Store) Commit(ctx context.Context, b *store.Batch) error {
	b.Claimed = b.Claimed[:0]
	if err := b.Check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var refused error
	if b.Claim.Max > 0 {
		refused = s.client.mayClaim()
	}
	if refused != nil && len(b.Changes) == 0 {
		return refused
	}
	c, _ := s.calls.Get().(*call)
	if c == nil {
		c = newCall()
	}
	c.encode(b)
	if refused != nil {
		c.claim = store.Claim{} // the changes are still committed; a caller without changes got the error above
	}
	err := s.queues.submit(ctx, b.Plan, c)
	if redis.IsOOMError(err) && onlyEnds(b) {
		err = s.queues.endOnFull(ctx, b.Plan, c)
	}
	if err != nil {
		return err
	}
	err = c.answerTo(b, s.keys)
	s.calls.Put(c)
	if err == nil && b.Yields() {
		// The commit has succeeded even if this call fails: the plan is due again soon in any case.
		_ = s.agenda.wake(ctx, b.Plan, 0, true)
	}
	return err
}

// onlyEnds reports whether a batch has changes and each of them ends a hold.
func onlyEnds(b *store.Batch) bool {
	return len(b.Changes) > 0 && !slices.ContainsFunc(b.Changes, func(w store.Change) bool { return w.Kind == store.Save })
}

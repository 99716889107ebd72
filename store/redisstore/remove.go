package redisstore

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// removeBuckets is how many buckets one call of Remove takes away.
const removeBuckets = 16

// Remove implements store.Creator. The plan's record goes last, so that whoever finds
// it knows where to go on. Several may do so at once: who finds at any step that the plan
// is gone comes second, and what he has put on the agenda goes, too.
func (s *Store) Remove(ctx context.Context, id plan.ID) (more bool, err error) {
	more, err = s.removeStep(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		more, err = false, nil
	}
	if err != nil || more {
		return more, err
	}
	return false, s.forget(ctx, id)
}

// removeStep is Remove; store.ErrNotFound if there is nothing left, but for entries in
// what belongs to all plans.
func (s *Store) removeStep(ctx context.Context, id plan.ID) (more bool, err error) {
	answer, err := s.remove(ctx, id, 0, 0)
	if err != nil {
		return false, err
	}
	r := reader{key: s.keys.plan(id), rest: answer[1:]}
	next, buckets, key := int(r.number('|')), int(r.number('|')), r.sized()
	if err := r.err(); err != nil {
		return false, err
	}
	if next == 0 {
		if err := s.leave(ctx, id, key); err != nil {
			return false, err
		}
	}
	if next < buckets {
		if err := s.removeTasks(ctx, id, next); err != nil {
			return false, err
		}
		next += removeBuckets
	}
	if next < buckets {
		return true, nil
	}
	err = askErr(ctx, s, s.keys.plans(), func(ctx context.Context) error { return s.rdb.ZRem(ctx, s.keys.plans(), int64(id)).Err() })
	if err != nil {
		return false, s.fault(ctx, s.keys.plans(), err)
	}
	_, err = s.remove(ctx, id, 3, 0)
	return false, err
}

// remove calls remove.lua.
func (s *Store) remove(ctx context.Context, id plan.ID, what, bucket int) (string, error) {
	key := s.keys.plan(id)
	argv := append(s.scripts.remove.argv(nil, key), what, bucket, removeBuckets)
	answer, err := s.run(ctx, s.scripts.remove, key, true, argv)
	if left, ok := strings.CutPrefix(answer, "!creating "); ok {
		micros, _ := strconv.ParseInt(left, 10, 64)
		// The agenda brought it up by the time at which the creation began.
		err = errors.Join(store.ErrConflict, s.expect(ctx, id, time.Duration(micros)*time.Microsecond))
	}
	return answer, err
}

// leave makes sure that the removal is gone on with if this process ends, and frees
// the plan's idempotency key.
func (s *Store) leave(ctx context.Context, id plan.ID, key string) error {
	if err := s.expect(ctx, id, 0); err != nil {
		return err
	}
	return s.freeKey(ctx, key, id)
}

// removeTasks takes away some buckets and the locks of their tenants.
func (s *Store) removeTasks(ctx context.Context, id plan.ID, bucket int) error {
	answer, err := s.remove(ctx, id, 1, bucket)
	if err != nil {
		return err
	}
	var tenants []string
	for r := (reader{key: s.keys.plan(id), rest: answer[1:]}); r.more(); {
		tenants = append(tenants, r.sized())
	}
	if err := s.dropLocks(ctx, id, tenants); err != nil {
		return err
	}
	_, err = s.remove(ctx, id, 2, bucket)
	return err
}

// forget takes a plan from the agenda and the list of plans.
func (s *Store) forget(ctx context.Context, id plan.ID) error {
	s.mu.Lock()
	delete(s.lanes, id)
	s.mu.Unlock()
	_, err := s.agenda(ctx, s.scripts.forget, int64(id))
	return err
}

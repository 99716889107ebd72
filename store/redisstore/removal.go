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

// removeBuckets is how many buckets one call of Remove deletes.
const removeBuckets = 16

// removals delete plans, step by step.
type removals struct {
	client       *client
	agenda       *agenda
	locks        *locks
	creationKeys *creationKeys
	queues       *queues
}

// step does the work of Remove. It returns store.ErrNotFound if nothing of the plan is left, except
// for entries in the keys that concern all plans.
func (rm *removals) step(ctx context.Context, id plan.ID) (more bool, err error) {
	answer, err := rm.call(ctx, id, 0, 0)
	if err != nil {
		return false, err
	}
	r := reader{key: rm.client.keys.plan(id), rest: answer[1:]}
	next, buckets, key := int(r.number('|')), int(r.number('|')), r.sized()
	if err := r.err(); err != nil {
		return false, err
	}
	if next == 0 {
		if err := rm.leave(ctx, id, key); err != nil {
			return false, err
		}
	}
	if next < buckets {
		if err := rm.removeTasks(ctx, id, next); err != nil {
			return false, err
		}
		next += removeBuckets
	}
	if next < buckets {
		return true, nil
	}
	err = askErr(ctx, rm.client, rm.client.keys.plans(), func(ctx context.Context) error {
		return rm.client.rdb.ZRem(ctx, rm.client.keys.plans(), int64(id)).Err()
	})
	if err != nil {
		return false, rm.client.fault(ctx, rm.client.keys.plans(), err)
	}
	_, err = rm.call(ctx, id, 3, 0)
	return false, err
}

// call calls remove.lua.
func (rm *removals) call(ctx context.Context, id plan.ID, what, bucket int) (string, error) {
	key := rm.client.keys.plan(id)
	argv := append(rm.client.scripts.remove.argv(nil, key), what, bucket, removeBuckets)
	answer, err := rm.client.run(ctx, rm.client.scripts.remove, key, true, argv)
	if left, ok := strings.CutPrefix(answer, "!creating "); ok {
		micros, _ := strconv.ParseInt(left, 10, 64)
		// The plan was due a TTL after its creation began, but a later call has extended that time.
		err = errors.Join(store.ErrConflict, rm.agenda.expect(ctx, id, time.Duration(micros)*time.Microsecond))
	}
	return answer, err
}

// leave makes sure that the removal continues if this process ends, and frees the plan's
// idempotency key.
func (rm *removals) leave(ctx context.Context, id plan.ID, key string) error {
	if err := rm.agenda.expect(ctx, id, 0); err != nil {
		return err
	}
	return rm.creationKeys.free(ctx, key, id)
}

// removeTasks deletes some buckets and the locks of their tenants.
func (rm *removals) removeTasks(ctx context.Context, id plan.ID, bucket int) error {
	answer, err := rm.call(ctx, id, 1, bucket)
	if err != nil {
		return err
	}
	var tenants []string
	for r := (reader{key: rm.client.keys.plan(id), rest: answer[1:]}); r.more(); {
		tenants = append(tenants, r.sized())
	}
	if err := rm.locks.drop(ctx, id, tenants); err != nil {
		return err
	}
	_, err = rm.call(ctx, id, 2, bucket)
	return err
}

// forget removes a plan from the agenda and from the list of plans.
func (rm *removals) forget(ctx context.Context, id plan.ID) error {
	rm.queues.forget(id)
	_, err := rm.agenda.call(ctx, rm.client.scripts.forget, int64(id))
	return err
}

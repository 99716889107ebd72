package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// creationKeys are the idempotency keys: each names a plan.
type creationKeys struct {
	client *client
	locks  *locks
}

// holder returns the plan that an idempotency key names, 0 if none.
func (ck *creationKeys) holder(ctx context.Context, key string) (plan.ID, error) {
	k := ck.client.keys.key(key)
	n, err := ask(ctx, ck.client, k, func(ctx context.Context) (int64, error) { return ck.client.rdb.Get(ctx, k).Int64() })
	switch {
	case errors.Is(err, redis.Nil):
		return 0, nil
	case err != nil:
		return 0, ck.client.fault(ctx, k, err)
	case !plan.ID(n).Valid():
		return 0, &store.CorruptError{Key: k, Reason: fmt.Sprintf("%d is no plan id", n)}
	}
	return plan.ID(n), nil
}

// reserve makes a key name a plan if it names none. It reports whether the key now names that plan.
func (ck *creationKeys) reserve(ctx context.Context, key string, id plan.ID) (bool, error) {
	k := ck.client.keys.key(key)
	if ck.client.cfg.Replicas > 0 {
		had, err := ck.locks.reserveOne(ctx, k, id.String())
		return had == "" || had == id.String(), err
	}
	taken, err := ask(ctx, ck.client, k, func(ctx context.Context) (bool, error) { return ck.client.rdb.SetNX(ctx, k, id.String(), 0).Result() })
	if err != nil {
		return false, ck.client.fault(ctx, k, err)
	}
	if !taken { // perhaps an earlier attempt took the key, and its answer was lost
		holder, err := ck.holder(ctx, key)
		return holder == id, err
	}
	return true, nil
}

// free deletes a key if it names the given plan.
func (ck *creationKeys) free(ctx context.Context, key string, id plan.ID) error {
	if key == "" {
		return nil
	}
	_, err := ck.locks.swap(ctx, swap{key: ck.client.keys.key(key), old: id.String()})
	return err
}

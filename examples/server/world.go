package main

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// world keeps what is known of made-up tenants. It lasts as long as the plans, and processes that
// share a store share it too: a task that one of them began is continued by another.
type world interface {
	// get returns the value of a kind that a tenant has, or otherwise first.
	get(ctx context.Context, kind, tenant, first string) (string, error)
	set(ctx context.Context, kind, tenant, value string) error
}

// sharedWorld is a world in Redis, a hash for each kind.
type sharedWorld struct{ rdb *redis.Client }

func (w sharedWorld) get(ctx context.Context, kind, tenant, first string) (string, error) {
	v, err := w.rdb.HGet(ctx, prefix+"demo:"+kind, tenant).Result()
	if errors.Is(err, redis.Nil) {
		return first, nil
	}
	return v, err
}

func (w sharedWorld) set(ctx context.Context, kind, tenant, value string) error {
	return w.rdb.HSet(ctx, prefix+"demo:"+kind, tenant, value).Err()
}

package main

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// world keeps what is known of made-up tenants. Processes that share a store share it too: a task
// that one of them began is continued by another.
type world interface {
	// get returns the value of a kind that a tenant has, or otherwise first.
	get(ctx context.Context, kind, tenant, first string) (string, error)
	set(ctx context.Context, kind, tenant, value string) error
}

// ownWorld is the world of one process.
type ownWorld struct {
	mu     sync.Mutex
	values map[[2]string]string
}

func (w *ownWorld) get(_ context.Context, kind, tenant, first string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v, ok := w.values[[2]string{kind, tenant}]; ok {
		return v, nil
	}
	return first, nil
}

func (w *ownWorld) set(_ context.Context, kind, tenant, value string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.values[[2]string{kind, tenant}] = value
	return nil
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

package redisbackend

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// Acquire acquires a lock if nobody holds it, and increments its counter. The error is a
// *redisserver.Eviction if the server may evict the lock.
func (b *Backend) Acquire(ctx context.Context, key, token string, ttl time.Duration) (backend.Grant, error) {
	fence, err := backend.FenceKey(key)
	if err != nil {
		return backend.Grant{}, err
	}
	n, err := b.holder(ctx, key)
	if err != nil {
		return backend.Grant{}, err
	}
	if err := n.refuseIfEvicting(ctx); err != nil {
		return backend.Grant{}, err
	}
	grant, err := readGrant(b.acquireScript.Run(ctx, b.rdb, []string{key, fence}, token, ttl.Milliseconds()))
	if !isTorn(err) {
		return grant, explain(err, key, fence)
	}
	// While the slot moves, the lock and its counter may be on different nodes. Acquire the lock
	// first: while it is held, no other owner increments the counter, so the number is greater than
	// all earlier ones.
	grant, err = readGrant(b.acquireLockScript.Run(ctx, b.rdb, []string{key}, token, ttl.Milliseconds(), fence))
	if err != nil || grant.Held {
		return grant, explain(err, key, fence)
	}
	grant.Fence, err = b.rdb.Incr(ctx, fence).Result()
	return grant, explain(err, key, fence)
}

// readGrant reads the answer of acquire.lua or acquire_lock.lua.
func readGrant(cmd *redis.Cmd) (backend.Grant, error) {
	reply, err := cmd.Int64Slice()
	switch {
	case err != nil:
		return backend.Grant{}, err
	case len(reply) != 2:
		return backend.Grant{}, fmt.Errorf("renewal: acquire answered %d values, want 2", len(reply))
	case reply[0] == 0:
		return backend.Grant{Held: true, Left: time.Duration(reply[1]) * time.Millisecond}, nil
	}
	return backend.Grant{Fence: reply[1]}, nil
}

// Release deletes a lock that holds the token.
func (b *Backend) Release(ctx context.Context, key, token string) (backend.Answer, error) {
	n, err := b.releaseScript.Run(ctx, b.rdb, []string{key}, token).Int()
	switch {
	case err != nil:
		return backend.Failed, explain(err, key)
	case n == 0:
		return backend.Missing, nil
	case n < 0:
		return backend.Foreign, nil
	}
	return backend.Renewed, nil
}

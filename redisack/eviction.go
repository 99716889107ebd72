package redisack

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
)

// EvictionError says that the server may drop configurations by itself when its memory is full: it
// has a memory limit and another policy than noeviction. A head that is dropped makes every client
// run what it has, or nothing, and lets the next write begin at revision 1. It matches ErrEviction.
type EvictionError struct {
	// Addr is the server, empty if the client does not say.
	Addr string
	// Policy is its maxmemory-policy, Limit its maxmemory in bytes.
	Policy string
	Limit  int64
}

func (e *EvictionError) Error() string {
	return fmt.Sprintf("redis at %s may drop configurations: its maxmemory-policy is %s with a limit of %d bytes; set it to noeviction",
		e.Addr, e.Policy, e.Limit)
}

// Is makes the error match ErrEviction.
func (e *EvictionError) Is(target error) bool { return target == ErrEviction }

// keeper knows whether the server keeps what it is given. The first write asks, later ones at most
// once a minute and without waiting for the answer. Where INFO may not be read nothing is
// concluded.
type keeper struct {
	guard *redisserver.Guard
	asked atomic.Bool
}

func newKeeper(rdb redis.UniversalClient) *keeper {
	return &keeper{guard: redisserver.NewGuard(rdb, 0)}
}

// check refuses a server that may drop keys. A server that cannot be asked is as far away as the
// write that follows.
func (k *keeper) check(ctx context.Context) error {
	if !k.asked.Load() {
		if _, err := k.guard.Look(ctx); err != nil {
			return err
		}
		k.asked.Store(true)
	}
	if found := k.guard.Found(); found != nil {
		return &EvictionError{Addr: found.Addr, Policy: found.Policy, Limit: found.Limit}
	}
	return nil
}

package redisack

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
)

// EvictionError says that the server may evict configurations when its memory is full: it has a
// memory limit and a policy other than noeviction. If the server evicted a head, clients would keep
// what they run, new clients would run nothing, and the next write would begin at revision 1. The
// error matches ErrEviction.
type EvictionError struct {
	// Addr is the address of the server, empty if the client does not provide it.
	Addr string
	// Policy is its maxmemory-policy, Limit its maxmemory in bytes.
	Policy string
	Limit  int64
}

func (e *EvictionError) Error() string {
	return fmt.Sprintf("redis at %s may evict configurations: its maxmemory-policy is %s with a limit of %d bytes; set it to noeviction",
		e.Addr, e.Policy, e.Limit)
}

// Is makes the error match ErrEviction.
func (e *EvictionError) Is(target error) bool { return target == ErrEviction }

// keeper knows whether the server may drop keys. The first write asks the server; later writes ask
// at most once a minute and do not wait for the answer. If the user may not run INFO, the server is
// accepted.
type keeper struct {
	guard *redisserver.Guard
	asked atomic.Bool
}

func newKeeper(rdb redis.UniversalClient) *keeper {
	return &keeper{guard: redisserver.NewGuard(rdb, 0)}
}

// check returns an error for a server that may drop keys. If the server cannot be asked, check
// returns the error of that attempt, because the write that follows would fail in the same way.
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

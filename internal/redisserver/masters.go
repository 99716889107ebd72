package redisserver

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// timeout is how long a check waits for the other masters of a cluster after one has answered. A
// frozen master is left to the next check.
const timeout = time.Second

// inquiry asks one server, whose address may be empty, for a fact that makes it unusable.
type inquiry[T any] func(ctx context.Context, rdb redis.Cmdable, addr string) (*T, error)

// findOnMasters makes an inquiry to every master that rdb knows and returns the first fact found,
// or nil if there is none. A master that does not answer while others do is skipped. If no server
// could be asked, the error is the client's own, unchanged.
func findOnMasters[T any](ctx context.Context, rdb redis.UniversalClient, ask inquiry[T]) (*T, error) {
	switch c := rdb.(type) {
	case interface {
		ForEachMaster(ctx context.Context, fn func(context.Context, *redis.Client) error) error
	}:
		return askAll(ctx, c.ForEachMaster, ask)
	case interface {
		ForEachShard(ctx context.Context, fn func(context.Context, *redis.Client) error) error
	}:
		return askAll(ctx, c.ForEachShard, ask)
	case *redis.Client:
		return ask(ctx, c, c.Options().Addr)
	}
	return ask(ctx, rdb, "")
}

// verdict is the answer of one server, or the end of the answers.
type verdict[T any] struct {
	found *T
	err   error
	end   bool
}

// askAll asks all servers concurrently. The inquiries to skipped servers continue until the client
// gives up.
func askAll[T any](ctx context.Context, each func(context.Context, func(context.Context, *redis.Client) error) error,
	ask inquiry[T],
) (*T, error) {
	verdicts := make(chan verdict[T])
	left := make(chan struct{})
	defer close(left)
	tell := func(v verdict[T]) {
		select {
		case verdicts <- v:
		case <-left:
		}
	}
	go func() {
		err := each(ctx, func(ctx context.Context, c *redis.Client) error {
			found, err := ask(ctx, c, c.Options().Addr)
			tell(verdict[T]{found: found, err: err})
			return nil
		})
		tell(verdict[T]{err: err, end: true})
	}()
	return firstOf(verdicts)
}

// firstOf waits for the first fact. After one server has answered, firstOf waits at most timeout
// for the others.
func firstOf[T any](verdicts <-chan verdict[T]) (*T, error) {
	var (
		late     <-chan time.Time
		answered bool
		fault    error
	)
	for {
		select {
		case v := <-verdicts:
			switch {
			case v.found != nil:
				return v.found, nil
			case v.err != nil:
				fault = v.err
			case !v.end && !answered:
				answered = true
				timer := time.NewTimer(timeout)
				defer timer.Stop()
				late = timer.C
			}
			if !v.end {
				continue
			}
			if answered {
				return nil, nil //nolint:nilnil // no fact and no error
			}
			return nil, fault
		case <-late:
			return nil, nil //nolint:nilnil // no fact and no error
		}
	}
}

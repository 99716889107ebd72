package redisstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
)

// client makes calls to Redis for all parts of the store: it finds the server of a key and turns
// the errors of the Redis client into those of package store.
type client struct {
	// Immutable after Open.
	rdb     redis.UniversalClient
	cfg     Config
	addr    string
	keys    keys
	scripts *scripts
	// opened is true after check has passed, including the check of the user's permissions.
	opened bool
	// cluster means that a script must not change keys of different hash tags. Set by check.
	cluster bool
	hints   any // the channel of hints, as an argument of scripts
	guard   *redisserver.Guard
	nodes   nodes
}

// run calls a script on the record of a plan, or on another key, and returns its answer. durable
// means that the call writes data that must not be lost.
func (cl *client) run(ctx context.Context, sc *script, key string, durable bool, argv []any) (string, error) {
	return cl.runWithin(ctx, answerTimeout, sc, key, durable, argv)
}

// runWithin is run with another limit on the wait for a server that does not answer. d is as in
// spread.
func (cl *client) runWithin(ctx context.Context, d time.Duration, sc *script, key string, durable bool, argv []any) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	n, err := cl.nodes.of(ctx, key)
	if err != nil {
		return "", cl.fault(ctx, key, err)
	}
	answer, err := askNode(ctx, n, d, func(ctx context.Context) (string, error) {
		return cl.roundTrip(ctx, sc, key, durable, argv)
	})
	if err != nil {
		return "", cl.fault(ctx, key, err)
	}
	return answer, problem(key, answer)
}

// roundTrip makes one round trip with a script call.
func (cl *client) roundTrip(ctx context.Context, sc *script, key string, durable bool, argv []any) (string, error) {
	if durable && cl.cfg.Replicas > 0 {
		return cl.replicated(ctx, sc, key, argv)
	}
	return process(ctx, cl.rdb, sc, argv)
}

// send sends one command on the client, or on one node of it.
func send(ctx context.Context, rdb redis.Cmdable, cmd redis.Cmder) error {
	p, ok := rdb.(interface {
		Process(ctx context.Context, cmd redis.Cmder) error
	})
	if !ok {
		return errors.New("redisstore: the client cannot send a command")
	}
	return p.Process(ctx, cmd)
}

// address returns the address that a client was configured with.
func address(rdb redis.UniversalClient) string {
	switch c := rdb.(type) {
	case *redis.Client:
		return c.Options().Addr
	case *redis.ClusterClient:
		return strings.Join(c.Options().Addrs, ",")
	}
	return "redis"
}

// ask makes a call to the server that has key. It returns when ctx ends, or when the server turns
// out to be silent, even if the client still waits. The call may then still take effect.
func ask[T any](ctx context.Context, cl *client, key string, f func(context.Context) (T, error)) (T, error) {
	n, err := cl.nodes.of(ctx, key)
	if err != nil {
		var none T
		return none, err
	}
	return askNode(ctx, n, answerTimeout, f)
}

// askErr is [ask] for calls that return only an error.
func askErr(ctx context.Context, cl *client, key string, f func(context.Context) error) error {
	_, err := ask(ctx, cl, key, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

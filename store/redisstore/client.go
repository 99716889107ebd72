package redisstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
)

// client makes calls to Redis for all parts of the store: it knows which server has a key, and
// turns what may go wrong into the errors of package store.
type client struct {
	// Immutable after Open.
	rdb     redis.UniversalClient
	cfg     Config
	addr    string
	keys    keys
	scripts *scripts
	// opened says that check has passed: what its user may do, too.
	opened bool
	// cluster says that a script must not change keys of different hash tags. Set by check.
	cluster bool
	hints   any // the channel, as an argument
	guard   *redisserver.Guard
	nodes   nodes
}

// run calls a script of a plan, or of another key, and returns its answer. durable
// says that the call writes what must not be lost.
func (cl *client) run(ctx context.Context, sc *script, key string, durable bool, argv []any) (string, error) {
	return cl.runWithin(ctx, answerTimeout, sc, key, durable, argv)
}

// runWithin is run for a call that may wait less, or more, than others for a server that
// does not answer. d is as in spread.
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

// roundTrip is one round trip with a script call.
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

// address returns where a client was told to connect to.
func address(rdb redis.UniversalClient) string {
	switch c := rdb.(type) {
	case *redis.Client:
		return c.Options().Addr
	case *redis.ClusterClient:
		return strings.Join(c.Options().Addrs, ",")
	}
	return "redis"
}

// ask makes a call to the server that has key. It returns when ctx ends, or when the
// server turns out to be silent, whatever the client waits for. What f does may then still
// happen.
func ask[T any](ctx context.Context, cl *client, key string, f func(context.Context) (T, error)) (T, error) {
	n, err := cl.nodes.of(ctx, key)
	if err != nil {
		var none T
		return none, err
	}
	return askNode(ctx, n, answerTimeout, f)
}

// askErr is [ask] for calls of which only the error counts.
func askErr(ctx context.Context, cl *client, key string, f func(context.Context) error) error {
	_, err := ask(ctx, cl, key, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

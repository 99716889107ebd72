package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/store"
)

// replicated makes a script call and waits, on the same connection, until enough replicas have it.
// If they do not have it in time, the error is a passing fault: sent again, the call has no further
// effect, and waits again.
func (cl *client) replicated(ctx context.Context, sc *script, key string, argv []any) (string, error) {
	node := redis.Cmdable(cl.rdb)
	if c, ok := cl.rdb.(*redis.ClusterClient); ok {
		master, err := c.MasterForKey(ctx, key)
		if err != nil {
			return "", err
		}
		node = master
	}
	cmd, copies, err := cl.withWait(ctx, node, argv)
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		argv[0], argv[1] = "eval", sc.text
		cmd, copies, err = cl.withWait(ctx, node, argv)
		argv[0], argv[1] = "evalsha", sc.sha
	}
	switch {
	case cmd.Err() != nil:
		return "", cmd.Err()
	case err != nil:
		return "", err
	case copies.Val() < int64(cl.cfg.Replicas):
		return "", &store.TemporaryError{
			Err: fmt.Errorf("%w: %d of %d have it", ErrNotReplicated, copies.Val(), cl.cfg.Replicas),
		}
	}
	return cmd.Val(), nil
}

// withWait sends a script call and WAIT in one pipeline.
func (cl *client) withWait(ctx context.Context, node redis.Cmdable, argv []any) (*redis.StringCmd, *redis.IntCmd, error) {
	pipe := node.Pipeline()
	cmd := redis.NewStringCmd(ctx, argv...)
	_ = pipe.Process(ctx, cmd) // queued; the error comes with Exec
	copies := redis.NewIntCmd(ctx, "wait", cl.cfg.Replicas, cl.replicaPatience().Milliseconds())
	_ = pipe.Process(ctx, copies)
	_, err := pipe.Exec(ctx)
	return cmd, copies, err
}

// replicaPatience is how long WAIT may take: less than the client waits for an answer. After a
// longer wait the client would hang up and send the call again, and the caller would never learn
// that replicas are missing.
func (cl *client) replicaPatience() time.Duration {
	var read time.Duration
	switch c := cl.rdb.(type) {
	case *redis.Client:
		read = c.Options().ReadTimeout
	case *redis.ClusterClient:
		read = c.Options().ReadTimeout
	}
	if read <= 0 {
		return cl.cfg.ReplicaTimeout
	}
	return max(time.Millisecond, min(cl.cfg.ReplicaTimeout, read*3/4))
}

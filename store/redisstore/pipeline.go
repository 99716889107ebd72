package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// pipelined is one script call of several that share a round trip.
type pipelined struct {
	id     plan.ID
	key    string
	script *script
	argv   []any

	answer string
	err    error
}

// gone reports whether the plan was not there.
func (p *pipelined) gone() bool { return errors.Is(p.err, store.ErrNotFound) }

// pipeline sends the calls together and sets the answer or the error of each. A
// server that does not know a script is sent it with the calls that need it. The
// error is a fault of the whole.
func (s *Store) pipeline(ctx context.Context, calls []pipelined) error {
	if len(calls) == 0 {
		return ctx.Err()
	}
	err := await.Do(ctx, func(ctx context.Context) error { return s.pipe(ctx, calls) })
	if err != nil {
		return s.fault(ctx, calls[0].key, err)
	}
	return nil
}

// exec sends a pipeline of plain commands.
func exec(ctx context.Context, pipe redis.Pipeliner) error {
	return await.Do(ctx, func(ctx context.Context) error {
		_, err := pipe.Exec(ctx)
		return err
	})
}

// pipe sends the calls, those that need it twice. It returns a fault only if it is that
// of all: of a cluster, some nodes may be there.
func (s *Store) pipe(ctx context.Context, calls []pipelined) error {
	cmds := make([]*redis.StringCmd, len(calls))
	pipe := s.rdb.Pipeline()
	for i := range calls {
		cmds[i] = redis.NewStringCmd(ctx, calls[i].argv...)
		_ = pipe.Process(ctx, cmds[i]) // queued; the error comes with Exec
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	again := s.rdb.Pipeline()
	for i := range calls {
		if c := &calls[i]; redis.HasErrorPrefix(cmds[i].Err(), "NOSCRIPT") {
			c.argv[0], c.argv[1] = "eval", c.script.text
			cmds[i] = redis.NewStringCmd(ctx, c.argv...)
			_ = again.Process(ctx, cmds[i])
		}
	}
	if again.Len() > 0 {
		_, _ = again.Exec(ctx)
	}
	answered := false
	for i := range calls {
		c := &calls[i]
		if err := cmds[i].Err(); err != nil {
			c.err = s.fault(ctx, c.key, err)
		} else {
			c.answer = cmds[i].Val()
			c.err = problem(c.key, c.answer)
		}
		answered = answered || !store.Temporary(c.err)
	}
	if !answered {
		return cmds[0].Err()
	}
	return nil
}

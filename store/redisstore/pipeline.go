package redisstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// pipelined is one of several script calls that share a round trip.
type pipelined struct {
	id     plan.ID
	key    string
	script *script
	argv   []any

	answer string
	err    error
}

// lost reports whether the plan does not exist.
func (p *pipelined) lost() bool { return errors.Is(p.err, store.ErrNotFound) }

// outcome is the answer to one of several calls, or its error.
type outcome[T any] struct {
	value T
	err   error
}

// spread makes calls about keys, the calls for one server together and for all servers
// concurrently, and returns the outcome for each key. A server that does not answer affects only
// its own keys and does not delay the others. d is how long a server may leave a call, and then the
// question for a sign of life, without an answer.
//
// f makes the calls for some of the keys, named by their indexes. The error that f returns besides
// their outcomes only shows whether the server answers. f may still run when spread has returned.
func spread[T any](ctx context.Context, cl *client, d time.Duration, keys []string,
	f func(ctx context.Context, share []int) ([]outcome[T], error),
) []outcome[T] {
	all := make([]outcome[T], len(keys))
	shares := make(map[*node][]int)
	for i, key := range keys {
		n, err := cl.nodes.of(ctx, key)
		if err != nil {
			all[i].err = err
			continue
		}
		shares[n] = append(shares[n], i)
	}
	var answered sync.WaitGroup
	for n, share := range shares {
		answered.Go(func() {
			got, err := askNode(ctx, n, d, func(ctx context.Context) ([]outcome[T], error) { return f(ctx, share) })
			for k, i := range share {
				if got == nil {
					all[i].err = err
				} else {
					all[i] = got[k]
				}
			}
		})
	}
	answered.Wait()
	return all
}

// each is [spread] of one plain command per key, which queue adds to a pipeline. queue returns a
// function that reads the command's result.
func each[T any](ctx context.Context, cl *client, d time.Duration, keys []string,
	queue func(pipe redis.Pipeliner, i int) (result func() (T, error)),
) []outcome[T] {
	return spread(ctx, cl, d, keys, func(ctx context.Context, share []int) ([]outcome[T], error) {
		pipe := cl.rdb.Pipeline()
		results := make([]func() (T, error), len(share))
		for k, i := range share {
			results[k] = queue(pipe, i)
		}
		_, err := pipe.Exec(ctx)
		got := make([]outcome[T], len(share))
		for k, result := range results {
			got[k].value, got[k].err = result()
		}
		return got, err
	})
}

// exec sends a pipeline of plain commands about one plan. An error means that they have no outcome;
// otherwise each command has its own.
func (cl *client) exec(ctx context.Context, key string, pipe redis.Pipeliner) error {
	sent, err := ask(ctx, cl, key, func(ctx context.Context) (bool, error) {
		_, err := pipe.Exec(ctx)
		return true, err
	})
	if sent {
		return nil
	}
	return cl.fault(ctx, key, err)
}

// pipeline sends the calls together and sets the answer or the error of each. A server that does
// not know a script is sent its text with the calls that need it. It returns an error if ctx has
// ended, or if all calls failed with passing faults.
func (cl *client) pipeline(ctx context.Context, d time.Duration, calls []pipelined) error {
	if len(calls) == 0 {
		return ctx.Err()
	}
	keys := make([]string, len(calls))
	for i := range calls {
		keys[i] = calls[i].key
	}
	all := spread(ctx, cl, d, keys, func(ctx context.Context, share []int) ([]outcome[string], error) {
		return cl.pipe(ctx, calls, share)
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	answered := false
	for i := range calls {
		c := &calls[i]
		if c.err = cl.fault(ctx, c.key, all[i].err); c.err == nil {
			c.answer = all[i].value
			c.err = problem(c.key, c.answer)
		}
		answered = answered || !store.Temporary(c.err)
	}
	if !answered {
		return calls[0].err
	}
	return nil
}

// pipe sends some of the calls to their server, and sends those again that have to be made in
// another form.
func (cl *client) pipe(ctx context.Context, calls []pipelined, share []int) (got []outcome[string], err error) {
	argv, cmds := make([][]any, len(share)), make([]*redis.StringCmd, len(share))
	for k, i := range share {
		argv[k] = calls[i].argv
	}
	got = make([]outcome[string], len(share))
	for {
		pipe := cl.rdb.Pipeline()
		for k := range share {
			if argv[k] != nil {
				cmds[k] = redis.NewStringCmd(ctx, argv[k]...)
				_ = pipe.Process(ctx, cmds[k]) // queued; the error comes with Exec
			}
		}
		if pipe.Len() == 0 {
			return got, err
		}
		_, err = pipe.Exec(ctx)
		for k, i := range share {
			if argv[k] == nil {
				continue
			}
			got[k] = outcome[string]{cmds[k].Val(), cmds[k].Err()}
			calls[i].script.learn(argv[k], got[k].err)
			argv[k] = calls[i].script.otherwise(argv[k], got[k].err)
		}
	}
}

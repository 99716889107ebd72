package renewal

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
)

// redisNode refreshes batches on one server.
type redisNode struct {
	backend *redisBackend
	label   string
	any     redis.UniversalClient // what client is, or a client of another kind
	client  *redis.Client         // nil for clients of another kind

	mu       sync.Mutex
	free     []*commands
	timeouts map[time.Duration]*redis.Client
}

func (n *redisNode) name() string { return n.label }

// refresh sends all requests in one pipeline. What it leaves open takes another:
// scripts that the server did not know, TTLs of keys that were left alone, keys that
// another node of the cluster holds.
func (n *redisNode) refresh(ctx context.Context, timeout time.Duration, reqs []request) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client := n.within(timeout)
	c := n.take()
	defer n.give(c)

	c.build(ctx, reqs, n.backend)
	c.exec(ctx, client)
	if c.scriptUnknown() {
		if err := n.backend.renewScript.Load(ctx, client).Err(); err == nil {
			c.exec(ctx, client)
		}
	}
	c.read(reqs)
	resolveKept(ctx, client, reqs)
	if n.backend.cluster != nil {
		redirect(ctx, n.backend, reqs)
	}
}

// keptTimeouts bounds the clients that are remembered by their timeout.
const keptTimeouts = 32

// within returns the client with a bound on reading and writing; the context alone
// binds only clients that are configured to heed it.
func (n *redisNode) within(timeout time.Duration) redis.UniversalClient {
	if n.client == nil {
		return n.any
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.timeouts[timeout]; c != nil {
		return c
	}
	c := n.client.WithTimeout(timeout)
	if n.timeouts == nil {
		n.timeouts = make(map[time.Duration]*redis.Client)
	}
	if len(n.timeouts) < keptTimeouts {
		n.timeouts[timeout] = c
	}
	return c
}

func (n *redisNode) take() *commands {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.free) - 1; last >= 0 {
		c := n.free[last]
		n.free = n.free[:last]
		return c
	}
	return &commands{fresh: n.backend.fresh}
}

func (n *redisNode) give(c *commands) {
	c.reset()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.free = append(n.free, c)
}

// resolveKept asks for the TTL of the keys of which a conditional PEXPIRE said only
// that it did nothing: they are missing, or live as long as they should.
func resolveKept(ctx context.Context, client redis.UniversalClient, reqs []request) {
	var open []int
	pipe := client.Pipeline()
	for i := range reqs {
		if reqs[i].answer == answerMissing && reqs[i].keep != keepNone && reqs[i].owner == nil {
			open = append(open, i)
			pipe.PTTL(ctx, *reqs[i].key)
		}
	}
	if len(open) == 0 {
		return
	}
	cmds, _ := pipe.Exec(ctx) // every command has its own error
	for j, i := range open {
		cmd := cmds[j].(*redis.DurationCmd)
		switch left := cmd.Val(); {
		case cmd.Err() != nil:
			reqs[i].answer, reqs[i].err = answerFailed, cmd.Err()
		case left >= 0:
			reqs[i].answer, reqs[i].left = answerRenewed, left
		case left == -1: // persistent
			reqs[i].answer = answerRenewed
		}
	}
}

// redirect asks again, through the cluster client, for keys that moved to another node or
// are on their way there. Without it a slow migration would lose them, and one that stalls
// all of them. Keys that get no answer in time keep the error they have and are tried again.
func redirect(ctx context.Context, b *redisBackend, reqs []request) {
	var again []request
	var at []int
	for i := range reqs {
		if isRedirect(reqs[i].err) {
			again = append(again, reqs[i])
			at = append(at, i)
		}
	}
	if len(again) == 0 {
		return
	}
	b.reload(ctx)
	err := await.Do(ctx, func(ctx context.Context) error {
		b.askOneByOne(ctx, again)
		return nil
	})
	if err != nil {
		return // again now belongs to whoever still waits for the answers
	}
	for j, i := range at {
		reqs[i].answer, reqs[i].left = again[j].answer, again[j].left
		if again[j].answer == answerFailed {
			reqs[i].err = again[j].err
		}
	}
}

// askOneByOne asks the cluster for each key in a command of its own, which the client can
// send wherever that key is. The scripts come with their text: nobody knows which nodes
// have seen it, and loading it on all of them would wait for the slowest.
func (b *redisBackend) askOneByOne(ctx context.Context, reqs []request) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	c := &commands{fresh: true, single: true}
	c.build(ctx, reqs, b)
	for i, cmd := range c.cmds {
		if c.parts[i].keys != nil {
			args := cmd.Args()
			args[0], args[1] = "eval", renewText
		}
	}
	c.exec(ctx, b.cluster)
	c.read(reqs)
	resolveKept(ctx, b.cluster, reqs)
}

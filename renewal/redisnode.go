package renewal

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/internal/redisserver"
)

// redisNode refreshes batches on one server.
type redisNode struct {
	backend *redisBackend
	label   string
	any     redis.UniversalClient // what client is, or a client of another kind
	client  *redis.Client         // nil for clients of another kind
	guard   *redisserver.Guard

	looked  atomic.Bool // the guard knows the server
	looking atomic.Bool // for the first time

	mu       sync.Mutex
	free     []*commands
	timeouts map[time.Duration]*redis.Client
}

func newNode(b *redisBackend, label string, rdb redis.UniversalClient) *redisNode {
	n := &redisNode{backend: b, label: label, any: rdb, guard: redisserver.NewGuard(rdb, b.lookEvery)}
	n.client, _ = rdb.(*redis.Client)
	return n
}

func (n *redisNode) name() string { return n.label }

// refresh sends all requests in one pipeline. What it leaves open takes another:
// scripts that the server did not know, TTLs of keys that were left alone, keys that
// another node of the cluster holds.
func (n *redisNode) refresh(ctx context.Context, timeout time.Duration, reqs []request) {
	n.watch()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client := n.within(timeout)
	c := n.take()
	defer n.give(c)

	c.build(ctx, reqs, n.backend)
	c.exec(ctx, client)
	if c.withText(1) { // which the server then knows
		c.exec(ctx, client)
	}
	if c.withText(-1) { // of a ring each server has to learn it
		c.exec(ctx, client)
	}
	c.read(reqs)
	resolveKept(ctx, client, reqs)
	apart(ctx, n.backend, client, reqs, c.refusedTogether())
	if n.backend.cluster != nil {
		redirect(ctx, n.backend, reqs)
	}
	for i := range reqs {
		reqs[i].err = explained(reqs[i].err)
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
// all of them.
func redirect(ctx context.Context, b *redisBackend, reqs []request) {
	var at []int
	for i := range reqs {
		if isRedirect(reqs[i].err) {
			at = append(at, i)
		}
	}
	if len(at) > 0 {
		b.reload(ctx)
		apart(ctx, b, b.cluster, reqs, at)
	}
}

// apart asks again for some of the keys, each in a command of its own. Keys that get no
// answer in time keep the error they have and are tried again.
func apart(ctx context.Context, b *redisBackend, client redis.UniversalClient, reqs []request, at []int) {
	if len(at) == 0 {
		return
	}
	again := make([]request, len(at))
	for j, i := range at {
		again[j] = reqs[i]
		again[j].err = nil
	}
	err := await.Do(ctx, func(ctx context.Context) error {
		b.askOneByOne(ctx, client, again)
		return nil
	})
	if err != nil {
		return // again now belongs to whoever still waits for the answers
	}
	for j, i := range at {
		reqs[i].answer, reqs[i].left, reqs[i].err = again[j].answer, again[j].left, again[j].err
	}
}

// askOneByOne asks for each key in a command of its own, which a cluster client can
// send wherever that key is. Nobody knows which nodes have seen the script, so the calls
// that a node does not know are repeated with its text.
func (b *redisBackend) askOneByOne(ctx context.Context, client redis.UniversalClient, reqs []request) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	c := &commands{fresh: true, single: true}
	c.build(ctx, reqs, b)
	c.exec(ctx, client)
	if c.withText(-1) {
		c.exec(ctx, client)
	}
	c.read(reqs)
	resolveKept(ctx, client, reqs)
}

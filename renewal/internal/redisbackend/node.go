package redisbackend

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// node refreshes batches on one server.
type node struct {
	// Immutable after construction.
	backend *Backend
	label   string
	any     redis.UniversalClient // the client, of whatever kind
	client  *redis.Client         // the same client; nil if it is of another kind
	guard   *redisserver.Guard

	looked  atomic.Bool // guard has checked the server
	looking atomic.Bool // the first check is running

	mu       sync.Mutex
	free     []*commands
	timeouts map[time.Duration]*redis.Client
}

func newNode(b *Backend, label string, rdb redis.UniversalClient) *node {
	n := &node{backend: b, label: label, any: rdb, guard: redisserver.NewGuard(rdb, b.opt.LookEvery)}
	n.client, _ = rdb.(*redis.Client)
	return n
}

// Name returns the address of the server.
func (n *node) Name() string { return n.label }

// Refresh sends all requests in one pipeline, and a further pipeline for keys that need another
// command.
func (n *node) Refresh(ctx context.Context, timeout time.Duration, reqs []backend.Request) {
	n.watch()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client := n.within(timeout)
	c := n.take()
	defer n.give(c)

	c.build(ctx, reqs, n.backend)
	// After one call with the text the server knows the script; but a ring has several servers.
	c.exec(ctx, client, 1, -1)
	c.read(reqs)
	resolveKept(ctx, client, reqs)
	n.backend.refreshApart(ctx, client, reqs, c.failedTogether())
}

// keptTimeouts is the maximum number of clients that a node caches, one per timeout.
const keptTimeouts = 32

// within returns the client with the timeout set for reading and writing. The context alone would
// bound only clients with ContextTimeoutEnabled.
func (n *node) within(timeout time.Duration) redis.UniversalClient {
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

func (n *node) take() *commands {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.free) - 1; last >= 0 {
		c := n.free[last]
		n.free = n.free[:last]
		return c
	}
	return &commands{fresh: n.backend.opt.FreshCommands}
}

func (n *node) give(c *commands) {
	c.reset()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.free = append(n.free, c)
}

// resolveKept reads the TTLs of keys that a conditional PEXPIRE did not change, because the answer
// of PEXPIRE does not show whether a key is missing or its TTL was left unchanged.
func resolveKept(ctx context.Context, client redis.UniversalClient, reqs []backend.Request) {
	var open []int
	pipe := client.Pipeline()
	for i := range reqs {
		if r := &reqs[i]; r.Answer == backend.Missing && r.Keep != backend.KeepNone && r.Owner == nil {
			open = append(open, i)
			pipe.PTTL(ctx, *r.Key)
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
			fail(&reqs[i], cmd.Err())
		case left >= 0:
			reqs[i].Answer, reqs[i].Left = backend.Renewed, left
		case left == -1: // persistent
			reqs[i].Answer = backend.Renewed
		}
	}
}

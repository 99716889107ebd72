package renewal

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
)

//go:embed scripts/permitted.lua
var permittedText string // comes before each of the others

//go:embed scripts/renew.lua
var renewText string

//go:embed scripts/acquire.lua
var acquireText string

//go:embed scripts/take.lua
var takeText string

//go:embed scripts/release.lua
var releaseText string

// redisBackend is the backend on a client of any kind.
type redisBackend struct {
	rdb     redis.UniversalClient
	cluster *redis.ClusterClient // nil without a cluster
	only    *redisNode           // without a cluster
	fresh   bool
	timeout time.Duration

	evictions func(Eviction) // told after each look at a server
	lookEvery time.Duration  // see redisserver.NewGuard

	renewScript   *redis.Script
	acquireScript *redis.Script
	takeScript    *redis.Script
	releaseScript *redis.Script

	mu    sync.Mutex
	nodes map[string]*redisNode // of a cluster
	last  time.Time             // reload
}

func newRedisBackend(rdb redis.UniversalClient, cfg Config) *redisBackend {
	b := &redisBackend{
		rdb: rdb, fresh: cfg.FreshCommands, timeout: cfg.CallTimeout,
		renewScript:   redis.NewScript(permittedText + renewText),
		acquireScript: redis.NewScript(permittedText + acquireText),
		takeScript:    redis.NewScript(permittedText + takeText),
		releaseScript: redis.NewScript(permittedText + releaseText),
		nodes:         make(map[string]*redisNode),
		evictions:     func(Eviction) {},
	}
	b.cluster, _ = rdb.(*redis.ClusterClient)
	if b.cluster == nil {
		label := "redis"
		if client, ok := rdb.(*redis.Client); ok {
			label = client.Options().Addr
		}
		b.only = newNode(b, label, rdb)
	}
	return b
}

// sole is the node of all keys, nil in a cluster.
func (b *redisBackend) sole() node {
	if b.only == nil {
		return nil
	}
	return b.only
}

func (b *redisBackend) node(ctx context.Context, key string) (node, error) {
	// Before it has loaded the state of the cluster the client does not heed the context.
	n, err := await.Value(ctx, func(ctx context.Context) (*redisNode, error) { return b.holder(ctx, key) })
	if err != nil {
		return nil, err
	}
	return n, nil
}

// holder is the node of a key.
func (b *redisBackend) holder(ctx context.Context, key string) (*redisNode, error) {
	if b.only != nil {
		return b.only, nil
	}
	client, err := b.cluster.MasterForKey(ctx, key)
	if err != nil {
		return nil, err
	}
	addr := client.Options().Addr
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.nodes[addr]
	if n == nil || n.client != client {
		n = newNode(b, addr, client)
		b.nodes[addr] = n
	}
	return n, nil
}

// reloadEvery is how often the topology is asked for at most.
const reloadEvery = 100 * time.Millisecond

func (b *redisBackend) reload(ctx context.Context) {
	b.mu.Lock()
	soon := time.Since(b.last) < reloadEvery
	if !soon {
		b.last = time.Now()
	}
	b.mu.Unlock()
	if !soon && b.cluster != nil {
		b.cluster.ReloadState(ctx)
	}
}

// isReply tells whether an error is an answer of the server.
func isReply(err error) bool {
	if err == nil {
		return false
	}
	var reply redis.Error
	return errors.As(err, &reply)
}

// isMoved tells whether an error says that another node holds the key, or that this
// one cannot serve it at present.
func isMoved(err error) bool {
	if !isReply(err) {
		return false
	}
	text := err.Error()
	for _, prefix := range []string{"MOVED ", "READONLY ", "CLUSTERDOWN ", "MASTERDOWN "} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// isRedirect tells whether an error says to ask elsewhere: another node for the whole slot
// (MOVED) or for this key (ASK), or each node for its part of the keys (TRYAGAIN: the slot
// is on its way, and some of the keys have gone).
func isRedirect(err error) bool {
	return isReply(err) && (strings.HasPrefix(err.Error(), "MOVED ") || strings.HasPrefix(err.Error(), "ASK ") || isTorn(err))
}

// isTorn tells whether an error says that the keys of a command are on two nodes, for as
// long as their slot is on its way from one to the other.
func isTorn(err error) bool { return isReply(err) && strings.HasPrefix(err.Error(), "TRYAGAIN ") }

// fenceKey names the counter beside a lock, in the lock's own slot.
func fenceKey(key string) (string, error) {
	tag := hashTag(key)
	if tag != key {
		return key + ":fence", nil
	}
	fence := "{" + key + "}:fence"
	if hashTag(fence) != key {
		return "", fmt.Errorf("the braces in key %q leave no name for a counter in its slot", key)
	}
	return fence, nil
}

func (b *redisBackend) acquire(ctx context.Context, key, token string, ttl time.Duration) (int64, error) {
	fence, err := fenceKey(key)
	if err != nil {
		return 0, err
	}
	n, err := b.holder(ctx, key)
	if err != nil {
		return 0, err
	}
	if err := n.mayLock(ctx); err != nil {
		return 0, err
	}
	number, err := readAcquire(key, b.acquireScript.Run(ctx, b.rdb, []string{key, fence}, token, ttl.Milliseconds()))
	if !isTorn(err) {
		return number, explained(err)
	}
	// The lock first, then the number: while the lock is held nobody else draws one, so it
	// is greater than all before.
	if _, err := readAcquire(key, b.takeScript.Run(ctx, b.rdb, []string{key}, token, ttl.Milliseconds(), fence)); err != nil {
		return 0, explained(err)
	}
	number, err = b.rdb.Incr(ctx, fence).Result()
	return number, explained(err)
}

// readAcquire reads the answer of acquire.lua or take.lua.
func readAcquire(key string, cmd *redis.Cmd) (number int64, err error) {
	reply, err := cmd.Int64Slice()
	switch {
	case err != nil:
		return 0, err
	case len(reply) != 2:
		return 0, fmt.Errorf("renewal: acquire answered %d values, want 2", len(reply))
	case reply[0] == 0:
		return 0, &HeldError{Key: key, Left: time.Duration(reply[1]) * time.Millisecond}
	}
	return reply[1], nil
}

func (b *redisBackend) release(ctx context.Context, key, token string) error {
	n, err := b.releaseScript.Run(ctx, b.rdb, []string{key}, token).Int()
	switch {
	case err != nil:
		return explained(err)
	case n == 0:
		return &LostError{Key: key, Cause: ErrMissing}
	case n < 0:
		return &LostError{Key: key, Cause: ErrForeignOwner}
	}
	return nil
}

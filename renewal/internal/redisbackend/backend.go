package redisbackend

import (
	"context"
	_ "embed"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/renewal/internal/backend"
)

//go:embed scripts/permitted.lua
var permittedText string // precedes every script, after redisserver.PermissionsLua

//go:embed scripts/renew.lua
var renewText string

//go:embed scripts/acquire.lua
var acquireText string

//go:embed scripts/acquire_lock.lua
var acquireLockText string

//go:embed scripts/release.lua
var releaseText string

// text returns a script with the functions that it calls.
func text(script string) string { return redisserver.PermissionsLua + permittedText + script }

// Options tune a Backend.
type Options struct {
	// FreshCommands makes every refresh allocate new command objects.
	FreshCommands bool
	// CallTimeout bounds the read of one page of a scan, and the repetition of a call key by key.
	CallTimeout time.Duration
	// OnLook is called with the result of each check of a server, which is nil if the server does
	// not evict keys. OnLook is called often and must return immediately.
	OnLook func(node string, found *redisserver.Eviction)
	// LookEvery is the maximum age of a check; see redisserver.NewGuard.
	LookEvery time.Duration
}

// Backend implements backend.Backend and backend.Locker. It is safe for concurrent use.
type Backend struct {
	// Immutable after construction.
	rdb     redis.UniversalClient
	cluster *redis.ClusterClient // nil if rdb is not a cluster client
	only    *node                // nil in a cluster
	opt     Options

	renewHash         string // of the text of renew.lua
	acquireScript     *redis.Script
	acquireLockScript *redis.Script
	releaseScript     *redis.Script

	mu     sync.Mutex
	nodes  map[string]*node // by address; used only in a cluster
	reload time.Time        // time of the last read of the topology
}

// New returns a backend on a client, which the caller owns and closes.
func New(rdb redis.UniversalClient, opt Options) *Backend {
	b := &Backend{
		rdb: rdb, opt: opt,
		renewHash:         redis.NewScript(text(renewText)).Hash(),
		acquireScript:     redis.NewScript(text(acquireText)),
		acquireLockScript: redis.NewScript(text(acquireLockText)),
		releaseScript:     redis.NewScript(text(releaseText)),
		nodes:             make(map[string]*node),
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

// Sole returns the node of all keys; nil in a cluster.
func (b *Backend) Sole() backend.Node {
	if b.only == nil {
		return nil
	}
	return b.only
}

// Node returns the node of a key.
func (b *Backend) Node(ctx context.Context, key string) (backend.Node, error) {
	// A cluster client ignores the context until it has loaded the state of the cluster.
	n, err := await.Value(ctx, func(ctx context.Context) (*node, error) { return b.holder(ctx, key) })
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (b *Backend) holder(ctx context.Context, key string) (*node, error) {
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

// reloadEvery is the minimum time between two reads of the topology.
const reloadEvery = 100 * time.Millisecond

// Reload makes the client read the topology again, unless it has done so within reloadEvery.
func (b *Backend) Reload(ctx context.Context) {
	b.mu.Lock()
	soon := time.Since(b.reload) < reloadEvery
	if !soon {
		b.reload = time.Now()
	}
	b.mu.Unlock()
	if !soon && b.cluster != nil {
		b.cluster.ReloadState(ctx)
	}
}

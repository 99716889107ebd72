package redisstore

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Store keeps plans in Redis. It is safe for concurrent use. Nothing runs in the background except
// the round trips that callers wait for and, started by a claim at most once a minute, a check of
// the server's settings. A Store needs no closing: the host closes its client.
type Store struct {
	keys   keys
	client *client

	// The parts. None of them knows the Store.
	queues       *queues
	agenda       *agenda
	locks        *locks
	creationKeys *creationKeys
	indexes      *indexes
	tokens       *tokens
	removals     *removals
	*registry
	*subscriptions
	*places

	calls sync.Pool // of *call, for reuse
}

var _ store.Store = (*Store)(nil)

// Open returns a store over rdb after it has checked the server: Redis 7.0 or newer, no eviction of
// keys, data that this library can read, and a user with all permissions that the store needs. It
// returns a *ServerError, which names every missing permission, a *VersionError, an *InvalidError,
// or a passing fault (store.Temporary) that names the address. If Open returns an error, it has
// written nothing.
//
// A memory limit with a policy other than noeviction can also be set later. The store notices it
// within about a minute; claims and Join then fail with a *ServerError until the setting is
// corrected, and everything else continues.
//
// rdb may be a plain, a Sentinel or a Cluster client, but neither a Ring, which moves keys away
// from their data, nor a Cluster client that reads from replicas, which may be behind. The host
// owns rdb and closes it.
func Open(ctx context.Context, rdb redis.UniversalClient, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	faults := cfg.validate()
	if nilcheck.IsNil(rdb) {
		faults = append(faults, "the client is nil")
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	all, err := loadScripts(cfg.Replicas > 0)
	if err != nil {
		return nil, err
	}
	k := keys{cfg.Prefix}
	cl := &client{
		rdb: rdb, cfg: cfg, addr: address(rdb), keys: k, scripts: all, hints: k.hints(),
		guard: redisserver.NewGuard(rdb, 0), nodes: nodes{rdb: rdb, byAddr: make(map[string]*node)},
	}
	if err := cl.check(ctx); err != nil {
		return nil, err
	}
	cl.opened = true
	return newStore(cl), nil
}

// newStore assembles a store from its parts.
func newStore(cl *client) *Store {
	s := &Store{keys: cl.keys, client: cl}
	s.agenda, s.locks, s.indexes, s.tokens = &agenda{client: cl}, &locks{cl}, &indexes{cl}, &tokens{cl}
	s.registry = &registry{cl, s.indexes, s.Plan}
	s.subscriptions = &subscriptions{cl, s.agenda}
	s.places = &places{cl}
	s.creationKeys = &creationKeys{cl, s.locks}
	s.queues = &queues{client: cl, tokens: s.tokens, indexes: s.indexes, byPlan: make(map[plan.ID]*commitQueue)}
	s.removals = &removals{cl, s.agenda, s.locks, s.creationKeys, s.queues}
	return s
}

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

// Store keeps plans in Redis. It is safe for concurrent use. It runs nothing in the
// background but the round trips that its callers wait for and, beside a claim and at most
// once a minute, a look at the server's settings. It needs no closing: the host closes its
// client.
type Store struct {
	keys   keys
	client *client

	// The parts, each of which has its subject; none knows the Store.
	queues       *queues
	agenda       *agenda
	locks        *locks
	creationKeys *creationKeys
	indexes      *indexes
	tokens       *tokens
	removals     *removals

	calls sync.Pool // of *call, to use again
}

var _ store.Store = (*Store)(nil)

// Open returns a store over rdb after it has checked the server: Redis 7.0 or newer, no
// key that is dropped by itself, data that this library knows, and a user who may do all
// that is needed. *ServerError, which names every permission that is missing,
// *VersionError, *InvalidError, or a passing fault (store.Temporary) that names the address.
// Whatever is refused, nothing was written.
//
// A memory limit with another policy than noeviction can also be set later. It is noticed
// within about a minute; claims and Join then fail with a *ServerError until it is mended,
// and everything else goes on.
//
// rdb may be a plain, a Sentinel or a Cluster client, but no Ring, which moves keys
// away from their data, and no Cluster client that reads from replicas, which are
// behind. The host owns it and closes it.
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

// newStore puts the parts together.
func newStore(cl *client) *Store {
	s := &Store{keys: cl.keys, client: cl}
	s.agenda, s.locks, s.indexes, s.tokens = &agenda{cl}, &locks{cl}, &indexes{cl}, &tokens{cl}
	s.creationKeys = &creationKeys{cl, s.locks}
	s.queues = &queues{client: cl, tokens: s.tokens, indexes: s.indexes, byPlan: make(map[plan.ID]*commitQueue)}
	s.removals = &removals{cl, s.agenda, s.locks, s.creationKeys, s.queues}
	return s
}

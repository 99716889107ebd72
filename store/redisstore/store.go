package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

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
	// Immutable after construction.
	rdb     redis.UniversalClient
	cfg     Config
	addr    string
	keys    keys
	scripts *scripts
	// opened says that check has passed: what its user may do, too.
	opened bool
	// cluster says that a script must not change keys of different hash tags. Set by check.
	cluster bool
	hints   any // the channel, as an argument
	guard   *redisserver.Guard
	nodes   nodes

	// Memory to use again: calls of *call, trips of *trip.
	calls, trips sync.Pool

	mu    sync.Mutex
	lanes map[plan.ID]*lane
}

var _ store.Store = (*Store)(nil)

// Open returns a store over rdb after it has checked the server: Redis 7.0 or newer, no
// key that is dropped by itself, data that this library knows, and a user who may do all
// that is needed. *ServerError, which names every permission that is missing,
// *VersionError, ErrConfig, or a passing fault (store.Temporary) that names the address.
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
		faults = errors.Join(faults, fmt.Errorf("%w: the client is nil", ErrConfig))
	}
	if faults != nil {
		return nil, faults
	}
	all, err := loadScripts(cfg.Replicas > 0)
	if err != nil {
		return nil, err
	}
	s := &Store{
		rdb: rdb, cfg: cfg, addr: address(rdb), keys: keys{cfg.Prefix}, scripts: all, hints: keys{cfg.Prefix}.hints(),
		guard: redisserver.NewGuard(rdb, 0), lanes: make(map[plan.ID]*lane),
		nodes: nodes{rdb: rdb, byAddr: make(map[string]*node)},
	}
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	s.opened = true
	return s, nil
}

// address returns where a client was told to connect to.
func address(rdb redis.UniversalClient) string {
	switch c := rdb.(type) {
	case *redis.Client:
		return c.Options().Addr
	case *redis.ClusterClient:
		return strings.Join(c.Options().Addrs, ",")
	}
	return "redis"
}

// run calls a script of a plan, or of another key, and returns its answer. durable
// says that the call writes what must not be lost.
func (s *Store) run(ctx context.Context, sc *script, key string, durable bool, argv []any) (string, error) {
	return s.runWithin(ctx, patience, sc, key, durable, argv)
}

// runWithin is run for a call that may wait less, or more, than others for a server that
// does not answer. d is as in spread.
func (s *Store) runWithin(ctx context.Context, d time.Duration, sc *script, key string, durable bool, argv []any) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	n, err := s.nodes.of(ctx, key)
	if err != nil {
		return "", s.fault(ctx, key, err)
	}
	answer, err := askNode(ctx, n, d, func(ctx context.Context) (string, error) {
		return s.trip(ctx, sc, key, durable, argv)
	})
	if err != nil {
		return "", s.fault(ctx, key, err)
	}
	return answer, problem(key, answer)
}

// trip is one round trip with a script call.
func (s *Store) trip(ctx context.Context, sc *script, key string, durable bool, argv []any) (string, error) {
	if durable && s.cfg.Replicas > 0 {
		return s.replicated(ctx, sc, key, argv)
	}
	return process(ctx, s.rdb, sc, argv)
}

// send sends one command on the client, or on one node of it.
func send(ctx context.Context, rdb redis.Cmdable, cmd redis.Cmder) error {
	p, ok := rdb.(interface {
		Process(ctx context.Context, cmd redis.Cmder) error
	})
	if !ok {
		return errors.New("redisstore: the client cannot send a command")
	}
	return p.Process(ctx, cmd)
}

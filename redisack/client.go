package redisack

import (
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/internal/nilcheck"
)

// Config holds what is optional for a Client. The zero value is good.
type Config struct {
	// Logger is told of writes, results and trouble; never of payloads or headers. Default: nothing is logged.
	Logger *zap.Logger
	// Hooks are called during runs. Default none.
	Hooks Hooks
	// MaxInFlight bounds the attempts under way over all runs of this client. More is rarely faster, and each run takes
	// memory for so many. Default 128, at most 16,384.
	MaxInFlight int
	// WriteTimeout is how long a write is tried again while Redis cannot be reached. Default 5 s.
	WriteTimeout time.Duration
	// Sharded announces writes by SPUBLISH, which in a cluster reaches only subscribers of the key's own shard, and
	// needs clients that use SSUBSCRIBE. Redis 7.0. Default: PUBLISH.
	Sharded bool
}

const (
	defaultMaxInFlight  = 128
	defaultWriteTimeout = 5 * time.Second
	mostInFlight        = 1 << 14
)

// Client writes configurations and waits until they are live. It is safe for concurrent use. It has nothing to close:
// what it starts lives inside its calls. The Redis client stays the caller's.
type Client struct {
	cfg     Config
	log     *zap.Logger
	backend backend
	gate    *gate
	invalid []Fault
}

// New returns a client over rdb: a single server, Sentinel or Cluster. A ring of independent servers cannot be used,
// since it gives up keys of a server that is away. What is wrong with the arguments is told by the first call.
func New(rdb redis.UniversalClient, cfg Config) *Client {
	var f faults
	f.when(nilcheck.IsNil(rdb), "rdb", "is nil")
	if _, ring := rdb.(*redis.Ring); ring {
		f.add("rdb", "is a Ring, which moves keys to another server when one is away")
	}
	return newClient(newRedisBackend(rdb), cfg, f)
}

func newClient(b backend, cfg Config, f faults) *Client {
	f.when(cfg.MaxInFlight < 0, "Config.MaxInFlight", fmt.Sprintf("is negative: %d", cfg.MaxInFlight))
	f.when(cfg.MaxInFlight > mostInFlight, "Config.MaxInFlight", fmt.Sprintf("is above %d: %d", mostInFlight, cfg.MaxInFlight))
	f.when(cfg.WriteTimeout < 0, "Config.WriteTimeout", fmt.Sprintf("is negative: %v", cfg.WriteTimeout))
	setDefault(&cfg.MaxInFlight, defaultMaxInFlight)
	setDefault(&cfg.WriteTimeout, defaultWriteTimeout)
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	return &Client{cfg: cfg, log: cfg.Logger, backend: b, gate: newGate(cfg.MaxInFlight), invalid: f.list}
}

// check reports what was wrong with the arguments of New.
func (c *Client) check(f *faults) { f.list = append(f.list, c.invalid...) }

// hooks starts the calls of hooks for one run.
func (c *Client) hooks() *hookRunner { return startHooks(c.cfg.Hooks, c.log) }

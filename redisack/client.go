package redisack

import (
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/internal/nilcheck"
)

// Config holds the optional settings of a Client. The zero value is usable.
type Config struct {
	// Logger logs writes, results and problems, never payloads or headers. Default: nothing is
	// logged.
	Logger *zap.Logger
	// Hooks are called during runs. Default: none.
	Hooks Hooks
	// MaxInFlight is the maximum number of attempts under way, over all runs of this client. A
	// larger maximum rarely makes a run faster, and each run allocates memory for the maximum.
	// Default 128, at most 16,384.
	MaxInFlight int
	// WriteTimeout is how long a write is retried if Redis cannot be reached. Default 5 s.
	WriteTimeout time.Duration
	// Sharded announces writes with SPUBLISH, which in a cluster reaches only the subscribers at
	// the key's shard. Clients must use SSUBSCRIBE. It needs Redis 7.0. Default: PUBLISH.
	Sharded bool
}

const (
	defaultMaxInFlight  = 128
	defaultWriteTimeout = 5 * time.Second
	mostInFlight        = 1 << 14
)

// Client writes configurations and waits until they are live. It is safe for concurrent use. It
// needs no closing: it starts goroutines only for calls under way. The caller still owns the Redis
// client and closes it.
type Client struct {
	cfg     Config
	log     *zap.Logger
	backend backend
	limiter *limiter
}

// New returns a client over rdb: a single server, Sentinel or Cluster. A redis.Ring is refused,
// because it moves keys to another server when one is down. The error is an *InvalidError that
// names every fault.
func New(rdb redis.UniversalClient, cfg Config) (*Client, error) {
	var f faults
	f.when(nilcheck.IsNil(rdb), "rdb", "is nil")
	if _, ring := rdb.(*redis.Ring); ring {
		f.add("rdb", "is a Ring, which moves keys to another server when one is down")
	}
	cfg.check(&f)
	if err := f.err(); err != nil {
		return nil, err
	}
	return newClient(newRedisBackend(rdb), cfg), nil
}

func (cfg Config) check(f *faults) {
	f.when(cfg.MaxInFlight < 0, "Config.MaxInFlight", fmt.Sprintf("is negative: %d", cfg.MaxInFlight))
	f.when(cfg.MaxInFlight > mostInFlight, "Config.MaxInFlight", fmt.Sprintf("is above %d: %d", mostInFlight, cfg.MaxInFlight))
	f.when(cfg.WriteTimeout < 0, "Config.WriteTimeout", fmt.Sprintf("is negative: %v", cfg.WriteTimeout))
}

// newClient returns a client with the configuration cfg, which must be valid.
func newClient(b backend, cfg Config) *Client {
	setDefault(&cfg.MaxInFlight, defaultMaxInFlight)
	setDefault(&cfg.WriteTimeout, defaultWriteTimeout)
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	return &Client{cfg: cfg, log: cfg.Logger, backend: b, limiter: newLimiter(cfg.MaxInFlight)}
}

// hooks starts a runner that calls the hooks of one run.
func (c *Client) hooks() *hookRunner { return startHooks(c.cfg.Hooks, c.log) }

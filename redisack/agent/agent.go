package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// Update is a configuration to apply.
type Update struct {
	Key, Field, Version string
	Rev                 uint64
	WriteID             string
	// Payload is the content. The function may retain and modify it.
	Payload []byte
}

// ApplyFunc makes a configuration live. It must return nil only if the process runs the
// configuration, because the agent then reports the configuration as applied. Calls never overlap.
// The context ends, with a cause, when another configuration becomes current (ErrMovedOn), after
// Config.ApplyTimeout (ErrApplyTimeout) and when Run ends. The function should return then, because
// the next configuration, or a rollback, is applied only after it has returned.
type ApplyFunc func(ctx context.Context, u Update) error

// Config holds the optional settings. The zero value is usable.
type Config struct {
	// Instance is the id of this process in the writer's fleet. It must be unique: two processes
	// with the same id look like one that keeps restarting. Default: the host name.
	Instance string
	// Field is the hash field that holds the payload. Default: the key is a string.
	Field string
	// Channel is the channel on which writes are announced. Default: {key}:changed.
	Channel string
	// Sharded subscribes with SSUBSCRIBE; the writer needs the same setting. Default: SUBSCRIBE.
	Sharded bool
	// Push also writes acknowledgements to the stream {key}:acks. Default: only the status endpoint
	// reports.
	Push bool
	// MaxAcks is the approximate maximum length of that stream; make it at least twice the fleet.
	// Default 20,000.
	MaxAcks int64
	// Resync is the time after which the agent reads the head even without an announcement, +-20 %.
	// It cannot be switched off, because without the timer the agent would never learn of a write
	// whose announcement is lost. Default 30 s.
	Resync time.Duration
	// ApplyTimeout is the time after which the context of the apply function ends, with the cause
	// ErrApplyTimeout. An error that the function returns then rejects the revision like any other,
	// unless it is from Retry. Default 1 min; negative: none.
	ApplyTimeout time.Duration
	// Logger logs applied configurations and problems, never payloads. Default: nothing is logged.
	Logger *zap.Logger
}

const (
	defaultMaxAcks = 20_000
	defaultResync  = 30 * time.Second
	longestResync  = 24 * 365 * time.Hour // so that its jitter cannot overflow
)

// ErrRunning is returned by Run while another Run of the same agent is running.
var ErrRunning = errors.New("agent: already running")

// Agent keeps one configuration of a process up to date. It is also the http.Handler of the status
// endpoint.
type Agent struct {
	// Immutable after New.
	rdb   redis.UniversalClient
	names wire.Names
	apply ApplyFunc
	cfg   Config
	log   *zap.Logger
	boot  string

	running  sync.Mutex // held by Run
	applying sync.Mutex // held while the apply function runs

	mu     sync.Mutex
	status wire.Status // guarded by mu; its slots are replaced, never modified
}

// New returns an agent for the configuration at key, or an *InvalidError that names every fault.
// The agent does nothing before Run. The caller still owns the Redis client and closes it.
func New(rdb redis.UniversalClient, key string, apply ApplyFunc, cfg Config) (*Agent, error) {
	return newAgent(rdb, key, apply, cfg, os.Hostname)
}

// newAgent is New with the function that returns the host name.
func newAgent(
	rdb redis.UniversalClient, key string, apply ApplyFunc, cfg Config, hostname func() (string, error),
) (*Agent, error) {
	names := wire.NamesOf(key, cfg.Field)
	faults := cfg.faults(rdb, key, apply, names)
	if cfg.Instance == "" {
		host, err := hostname()
		if err != nil {
			faults = append(faults, Fault{"Config.Instance", "is empty, and the host name is unknown: " + err.Error()})
		}
		cfg.Instance = host
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	if cfg.Channel == "" {
		cfg.Channel = names.Channel
	}
	if cfg.MaxAcks == 0 {
		cfg.MaxAcks = defaultMaxAcks
	}
	if cfg.Resync == 0 {
		cfg.Resync = defaultResync
	}
	if cfg.ApplyTimeout == 0 {
		cfg.ApplyTimeout = defaultApplyTimeout
	}
	cfg.Resync = min(cfg.Resync, longestResync)
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	boot := rand.Text()
	return &Agent{
		rdb: rdb, names: names, apply: apply, cfg: cfg, boot: boot,
		log:    cfg.Logger.With(zap.String("key", key), zap.String("instance", cfg.Instance)),
		status: wire.Status{Instance: cfg.Instance, Boot: boot},
	}, nil
}

// Applied returns the version and revision that this process runs. Both are zero until the process
// has applied a configuration.
func (a *Agent) Applied() (version string, rev uint64) {
	if s := a.snapshot().Applied; s != nil {
		return s.Version, uint64(s.Rev)
	}
	return "", 0
}

func (a *Agent) snapshot() wire.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status
}

// retry marks an error as temporary.
type retry struct{ error }

func (r retry) Unwrap() error { return r.error }

// Retry marks an error of an ApplyFunc as temporary: the revision is not rejected but tried again.
func Retry(err error) error {
	if err == nil {
		return nil
	}
	return retry{err}
}

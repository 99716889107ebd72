package renewal

import (
	"cmp"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Config tunes a service. The zero value of a field selects its default, so the zero Config is
// valid. Where a bound can be switched off, a negative value switches it off.
type Config struct {
	// Tick is the resolution of all times. Default 10 ms; between 1 ms and 1 s. A shorter tick
	// costs wake-ups, a longer tick delays renewals.
	Tick time.Duration
	// MaxTasks bounds the live tasks. Default 4,000,000; negative: no bound.
	MaxTasks int
	// BatchSize is the maximum number of keys in one pipeline; for a node that has fallen behind,
	// the maximum is 4000. Default 1000, at most 4000. Smaller batches load the server in shorter
	// bursts, but reduce throughput.
	BatchSize int
	// InFlight is the maximum number of pipelines under way to one node. Default 2, which keeps a
	// Redis thread busy; each pipeline uses a connection of the client's pool.
	InFlight int
	// CallTimeout bounds one pipeline. Default 1 s; it is shortened to the shortest interval in the
	// batch, but never below 50 ms.
	CallTimeout time.Duration
	// UserGoroutines bounds the goroutines that run functions of policies and selectors and,
	// separately, the goroutines that run callbacks. Default 64 each.
	UserGoroutines int
	// UserBudget bounds one call of a host function. Default 1 s. A call that takes longer counts
	// as failed; its goroutine continues, but no longer counts towards UserGoroutines.
	UserBudget time.Duration
	// ScanGoroutines bounds the number of pages that SCAN selectors read at the same time. Default
	// 2.
	ScanGoroutines int
	// ScanCount is the COUNT of one SCAN page. Default 512.
	ScanCount int
	// MaxSelected bounds the keys of one selector; if a selector finds more, the tick fails.
	// Default 100,000; negative: no bound.
	MaxSelected int
	// Grace is how long a shutdown waits for renewals under way and callbacks. Default 5 s;
	// negative: it does not wait for them.
	Grace time.Duration
	// FreshCommands makes a new command object for each refresh instead of reusing them. Set it if
	// the client has hooks that keep commands after a call. Hooks of a *redis.Client see no
	// refreshes.
	FreshCommands bool
	// Hooks observe the service, for metrics.
	Hooks Hooks
	// Logger logs host functions that panic or exceed their budget, nodes that stop or begin to
	// answer or to evict keys, and leaps of the wall clock. Default: no logging.
	Logger *zap.Logger

	lookEvery time.Duration // for tests; see redisserver.NewGuard
}

const maxBatch = 4000

// withDefaults returns c with its defaults filled in.
func (c Config) withDefaults() Config {
	c.Tick = cmp.Or(c.Tick, 10*time.Millisecond)
	c.MaxTasks = cmp.Or(c.MaxTasks, 4_000_000)
	c.BatchSize = cmp.Or(c.BatchSize, 1000)
	c.InFlight = cmp.Or(c.InFlight, 2)
	c.CallTimeout = cmp.Or(c.CallTimeout, time.Second)
	c.UserGoroutines = cmp.Or(c.UserGoroutines, 64)
	c.UserBudget = cmp.Or(c.UserBudget, time.Second)
	c.ScanGoroutines = cmp.Or(c.ScanGoroutines, 2)
	c.ScanCount = cmp.Or(c.ScanCount, 512)
	c.MaxSelected = cmp.Or(c.MaxSelected, 100_000)
	c.Grace = cmp.Or(c.Grace, 5*time.Second)
	c.Logger = cmp.Or(c.Logger, zap.NewNop())
	return c
}

// validate returns every fault of a configuration whose defaults are filled in.
func (c Config) validate() (faults []error) {
	if c.Tick < time.Millisecond || c.Tick > time.Second {
		faults = append(faults, fmt.Errorf("field Tick is %v, want 1ms to 1s", c.Tick))
	}
	if c.BatchSize > maxBatch {
		faults = append(faults, fmt.Errorf("field BatchSize is %d, want at most %d", c.BatchSize, maxBatch))
	}
	for _, f := range []struct {
		name string
		v    int64
	}{
		{"BatchSize", int64(c.BatchSize)},
		{"InFlight", int64(c.InFlight)},
		{"CallTimeout", int64(c.CallTimeout)},
		{"UserGoroutines", int64(c.UserGoroutines)},
		{"UserBudget", int64(c.UserBudget)},
		{"ScanGoroutines", int64(c.ScanGoroutines)},
		{"ScanCount", int64(c.ScanCount)},
	} {
		if f.v < 0 {
			faults = append(faults, fmt.Errorf("field %s is negative", f.name))
		}
	}
	return faults
}

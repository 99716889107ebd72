package renewal

import (
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Config tunes a service. The zero value is good.
type Config struct {
	// Tick is the resolution of all times. Default 10 ms; between 1 ms and 1 s. A
	// shorter one costs wake-ups, a longer one makes renewals later.
	Tick time.Duration
	// MaxTasks bounds the live tasks. Default 4,000,000.
	MaxTasks int
	// BatchSize is the number of keys in one pipeline. Default 1000, at most 4000;
	// smaller ones load the server in shorter bursts and cost throughput.
	BatchSize int
	// InFlight is the number of pipelines under way to one node. Default 2, which
	// keeps a Redis thread busy; each takes a connection of the client's pool.
	InFlight int
	// CallTimeout bounds one pipeline. Default 1 s; it is shortened to the
	// shortest interval in the batch.
	CallTimeout time.Duration
	// UserGoroutines bounds the goroutines that run policies, function selectors
	// and, apart from these, callbacks. Default 64 each.
	UserGoroutines int
	// UserBudget bounds one call of a host's function. Default 1 s. A call that
	// takes longer keeps its goroutine, counts as failed, and gives up its place
	// to others.
	UserBudget time.Duration
	// ScanGoroutines bounds the pages of SCAN selectors under way. Default 2.
	ScanGoroutines int
	// ScanCount is the COUNT of one SCAN page. Default 512.
	ScanCount int
	// MaxSelected bounds the keys of one selector; what is found beyond it makes
	// the tick fail. Default 100,000.
	MaxSelected int
	// Grace bounds the shutdown: renewals under way and callbacks may finish.
	// Default 5 s.
	Grace time.Duration
	// FreshCommands makes a new command object for each refresh instead of using
	// them again. Set it if the client has hooks that keep commands after a call.
	FreshCommands bool
	// Hooks hear of what happens; for metrics.
	Hooks Hooks
	// Logger gets panics of host functions and nodes that stop or begin to answer.
	// Default none.
	Logger *zap.Logger
}

const maxBatch = 4000

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	c.Tick = or(c.Tick, 10*time.Millisecond)
	c.MaxTasks = or(c.MaxTasks, 4_000_000)
	c.BatchSize = or(c.BatchSize, 1000)
	c.InFlight = or(c.InFlight, 2)
	c.CallTimeout = or(c.CallTimeout, time.Second)
	c.UserGoroutines = or(c.UserGoroutines, 64)
	c.UserBudget = or(c.UserBudget, time.Second)
	c.ScanGoroutines = or(c.ScanGoroutines, 2)
	c.ScanCount = or(c.ScanCount, 512)
	c.MaxSelected = or(c.MaxSelected, 100_000)
	c.Grace = or(c.Grace, 5*time.Second)
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return c
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// check names every fault of a configuration with its defaults filled in.
func (c Config) check() (faults []error) {
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
		{"MaxTasks", int64(c.MaxTasks)},
		{"BatchSize", int64(c.BatchSize)},
		{"InFlight", int64(c.InFlight)},
		{"CallTimeout", int64(c.CallTimeout)},
		{"UserGoroutines", int64(c.UserGoroutines)},
		{"UserBudget", int64(c.UserBudget)},
		{"ScanGoroutines", int64(c.ScanGoroutines)},
		{"ScanCount", int64(c.ScanCount)},
		{"MaxSelected", int64(c.MaxSelected)},
		{"Grace", int64(c.Grace)},
	} {
		if f.v < 0 {
			faults = append(faults, fmt.Errorf("field %s is negative", f.name))
		}
	}
	return faults
}

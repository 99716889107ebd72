package cutover

import (
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/store"
)

// Config is what an [Engine] can be told. The zero value of every field is good.
type Config struct {
	// Executors do the work, by the executor type that plans name. An engine
	// without any still takes commands and answers questions; plans of a type that
	// it does not know are left to other processes.
	Executors executor.Registry
	// Capacity is how many tasks this process works on at once, over all plans.
	// Default 64. A plan's own MaxConcurrency bounds it further.
	Capacity int
	// Name appears in the names of this process's leases. Default: the host's name.
	Name string

	// LeaseTTL is how long the store keeps the tasks of a process that it no longer
	// hears of. It is renewed every third of it. Default 30 s. Shorter means a faster
	// take-over after a crash, and more tasks taken from processes that are merely
	// slow. At least 100 ms.
	LeaseTTL time.Duration
	// PollInterval is how often the engine looks for work that no hint told it of,
	// with jitter. Default 1 s.
	PollInterval time.Duration
	// ShutdownGrace is how long Run, once its context has ended, waits for executors
	// to come to a boundary before it cancels their contexts. Default 20 s.
	ShutdownGrace time.Duration
	// CancelGrace is how long an executor whose task was cancelled may take to come
	// to a boundary before its context is cancelled as well. It counts from when this
	// process hears of the cancel: at the next save, or with a hint, or at the latest
	// after a third of the LeaseTTL. Default 30 s.
	CancelGrace time.Duration
	// MaxLosses is how often a task may lose its worker without saving a checkpoint
	// in between before it fails with WORKER_LOST. Default 3; negative means never
	// to tolerate a loss.
	MaxLosses int
	// Limits bound checkpoints and undo entries.
	Limits checkpoint.Limits
	// Retention is how long a plan is kept after it is over. Default 0: for ever.
	Retention time.Duration

	// Logger gets the panics of executors with their stacks, and is what executors
	// get from Run.Logger. It does not imply [ZapHooks], which log the rest. Default:
	// nothing is logged.
	Logger *zap.Logger
	// Hooks observe the engine, see [Hooks].
	Hooks Hooks
}

// ErrConfig is matched by the errors of [New].
var ErrConfig = errors.New("cutover: invalid config")

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.LeaseTTL, 30*time.Second)
	def(&c.PollInterval, time.Second)
	def(&c.ShutdownGrace, 20*time.Second)
	def(&c.CancelGrace, 30*time.Second)
	if c.Capacity == 0 {
		c.Capacity = 64
	}
	switch {
	case c.MaxLosses == 0:
		c.MaxLosses = 3
	case c.MaxLosses < 0:
		c.MaxLosses = 0
	}
	if c.Name == "" {
		c.Name, _ = os.Hostname() // the name is decoration, "" will do
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	c.Hooks = c.Hooks.withDefaults()
	return c
}

// validate names every fault.
func (c Config) validate(s store.Store) error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	if s == nil {
		fault("the store is nil")
	}
	if c.Capacity < 0 {
		fault("Capacity is %d", c.Capacity)
	}
	if c.LeaseTTL < 100*time.Millisecond {
		fault("LeaseTTL is %s, the least is 100ms", c.LeaseTTL)
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"PollInterval", c.PollInterval},
		{"ShutdownGrace", c.ShutdownGrace},
		{"CancelGrace", c.CancelGrace},
		{"Retention", c.Retention},
	} {
		if d.value < 0 {
			fault("%s is %s", d.field, d.value)
		}
	}
	for _, l := range []struct {
		field string
		value int
	}{{"Limits.Data", c.Limits.Data}, {"Limits.Undo", c.Limits.Undo}} {
		if l.value < 0 {
			fault("%s is %d", l.field, l.value)
		}
	}
	if c.PollInterval >= 0 && c.PollInterval < time.Millisecond {
		fault("PollInterval is %s, the least is 1ms", c.PollInterval)
	}
	if len(c.Name) > 128 {
		fault("Name is %d bytes, the limit is 128", len(c.Name))
	}
	for name, x := range c.Executors {
		if name == "" || x == nil {
			fault("Executors[%q] has no name or no executor", name)
		}
	}
	return errors.Join(faults...)
}

package cutover

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/store"
)

// Config is what an [Engine] can be told. The zero value of every field is good.
type Config struct {
	// Executors do the work, by the executor type that plans name. An engine
	// without any still takes commands and answers questions; plans of a type that
	// it does not know are left to other processes. New keeps a copy of the map.
	Executors executor.Registry
	// Capacity is how many tasks this process works on at once, over all plans, at
	// most 100,000. Default 64. A plan's own MaxConcurrency bounds it further.
	Capacity int
	// Name appears in the names of this process's leases. Default: the host's name.
	Name string

	// LeaseTTL is how long the store keeps the tasks of a process that it no longer
	// hears of. It is renewed every third of it. Default 30 s. Shorter means a faster
	// take-over after a crash, and more tasks taken from processes that are merely
	// slow. From 100 ms to a day.
	LeaseTTL time.Duration
	// PollInterval is how often the engine looks for work that no hint told it of,
	// with jitter. Default 1 s; from 1 ms to an hour.
	PollInterval time.Duration
	// ShutdownGrace is how long Run, once its context has ended, waits for executors
	// to come to a boundary before it cancels their contexts. Default 20 s,
	// at most a day.
	ShutdownGrace time.Duration
	// CancelGrace is how long an executor whose task was cancelled may take to come
	// to a boundary before its context is cancelled as well. It counts from when this
	// process hears of the cancel: at the next save, or with a hint, or at the latest
	// after a third of the LeaseTTL. Default 30 s, at most a day.
	CancelGrace time.Duration
	// MaxLosses is how often a task may lose its worker without saving a checkpoint
	// in between before it fails with WORKER_LOST. Default 3; negative means never
	// to tolerate a loss.
	MaxLosses int
	// Limits bound checkpoints and undo entries, each at most checkpoint.MaxLimit.
	Limits checkpoint.Limits
	// Retention is how long a plan is kept after it is over, a minute at least and at most 100
	// years; then it is removed with all that belongs to it. Default 90 days; negative: for ever.
	// The shortest of all processes over a store counts; what another one has kept for longer is
	// found when this one starts, and once a day.
	Retention time.Duration

	// Logger gets the panics of executors with their stacks, and is what executors
	// get from Run.Logger. It does not imply [hook.Zap], which log the rest. Default:
	// nothing is logged.
	Logger *zap.Logger
	// Hooks observe the engine: [hook.Zap] logs, [hook.Join] puts several observers side by
	// side.
	Hooks hook.Hooks
}

const day = 24 * time.Hour

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("cutover: invalid configuration")

// InvalidError names everything that is wrong with what [New] was given. It matches
// [ErrInvalid].
type InvalidError struct {
	Faults []string
}

func (e *InvalidError) Error() string {
	return ErrInvalid.Error() + ": " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

func (c Config) withDefaults() Config {
	c.Capacity = cmp.Or(c.Capacity, 64)
	c.LeaseTTL = cmp.Or(c.LeaseTTL, 30*time.Second)
	c.PollInterval = cmp.Or(c.PollInterval, time.Second)
	c.ShutdownGrace = cmp.Or(c.ShutdownGrace, 20*time.Second)
	c.CancelGrace = cmp.Or(c.CancelGrace, 30*time.Second)
	c.Retention = cmp.Or(c.Retention, 90*day)
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
	c.Executors = maps.Clone(c.Executors)
	c.Hooks = c.Hooks.Guard(c.Logger)
	return c
}

// validate returns nil, or an *[InvalidError].
func (c Config) validate(s store.Store) error {
	var faults []string
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf(format, args...))
	}
	if nilcheck.IsNil(s) {
		fault("the store is nil")
	}
	for _, d := range []struct {
		field              string
		value, least, most time.Duration
	}{
		{"LeaseTTL", c.LeaseTTL, 100 * time.Millisecond, day},
		{"PollInterval", c.PollInterval, time.Millisecond, time.Hour},
		{"ShutdownGrace", c.ShutdownGrace, 0, day},
		{"CancelGrace", c.CancelGrace, 0, day},
		{"Retention", max(0, c.Retention), 0, 100 * 365 * day},
	} {
		if d.value < d.least || d.value > d.most {
			fault("%s is %s, it must be from %s to %s", d.field, d.value, d.least, d.most)
		}
	}
	for _, n := range []struct {
		field       string
		value, most int
	}{
		{"Capacity", c.Capacity, 100_000},
		{"MaxLosses", c.MaxLosses, 1_000_000},
		{"Limits.Data", c.Limits.Data, checkpoint.MaxLimit},
		{"Limits.Undo", c.Limits.Undo, checkpoint.MaxLimit},
	} {
		if n.value < 0 || n.value > n.most {
			fault("%s is %d, it must be from 0 to %d", n.field, n.value, n.most)
		}
	}
	if len(c.Name) > 128 {
		fault("Name is %d bytes, the limit is 128", len(c.Name))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Executors)) {
		if name == "" || nilcheck.IsNil(c.Executors[name]) {
			fault("Executors[%q] has no name or no executor", name)
		}
	}
	if len(faults) > 0 {
		return &InvalidError{Faults: faults}
	}
	return nil
}

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
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Config configures an [Engine]. Every field may be left at its zero value.
type Config struct {
	// Executors are the executors of this process, by the executor type that plans name. An engine
	// without executors still takes commands and answers queries. An engine leaves plans to other
	// processes if it does not have their executor type. New keeps a copy of the map.
	Executors executor.Registry
	// Capacity is the maximum number of tasks that this process works on at once, over all plans:
	// at most 100,000. Default 64. A plan's own MaxConcurrency bounds it further.
	Capacity int
	// Name is part of the names of this process's leases, at most 128 bytes. Default: the host's
	// name.
	Name string

	// LeaseTTL is how long a process keeps its tasks after it last renewed its lease; it renews the
	// lease every third of this time. A shorter time means a faster take-over after a crash, and
	// more tasks taken from processes that are merely slow. Default 30 s; from 100 ms to a day.
	LeaseTTL time.Duration
	// PollInterval is how often the engine looks for work of which it has received no hint, with
	// jitter. Watch and Wait look without a hint soon after a change, and then ever more seldom, up
	// to twice this time apart. Default 1 s; from 1 ms to an hour.
	PollInterval time.Duration
	// ShutdownGrace is how long Run, once its context has ended, waits for executors to come to a
	// boundary before it cancels their contexts. Default 20 s, at most a day.
	ShutdownGrace time.Duration
	// CancelGrace is how long an executor whose task was canceled may take to come to a boundary
	// before its context is canceled as well. It counts from when this process learns of the
	// cancel: at the next save, with a hint, or at the latest after a third of the LeaseTTL.
	// Default 30 s, at most a day.
	CancelGrace time.Duration
	// MaxLosses is how often a task may lose its worker without saving a checkpoint in between; at
	// the next loss it fails with WORKER_LOST. Default 3, at most 1,000,000; a negative value means
	// that the first loss fails the task.
	MaxLosses int
	// Limits bound the sizes of checkpoints and undo entries, each at most checkpoint.MaxLimit.
	Limits checkpoint.Limits
	// Retention is how long a plan is kept after it is over, at least a minute and at most 100
	// years; then it is removed with everything that belongs to it. Default 90 days; negative: for
	// ever. If the processes over a store have different Retentions, the shortest counts: when it
	// starts, and once a day, each process also removes the plans that other processes would keep
	// for longer.
	Retention time.Duration

	// Logger logs the panics of executors with their stacks and what is suspicious about the
	// strategies of new plans, and executors get it as Run.Logger. It does not imply [hook.Zap],
	// whose hooks log everything else. Default: nothing is logged.
	Logger *zap.Logger
	// Hooks observe the engine: [hook.Zap] and [hook.Slog] log, [hook.Join] combines several
	// observers. If OnPlanRemoved is not set, removals are logged to the Logger as these hooks do
	// it. If OnStoreFault is not set, store faults are logged in the same way, at most one of each
	// operation in ten seconds: to the Logger or, if there is none, to slog.Default. An engine
	// whose store is away is never silent.
	Hooks hook.Hooks
}

const day = 24 * time.Hour

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("cutover: invalid configuration")

// InvalidError names every fault of the arguments of [New]. It matches [ErrInvalid].
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
		c.Name, _ = os.Hostname() // the name only informs people, so "" is valid
	}
	if c.Hooks.OnStoreFault == nil {
		c.Hooks.OnStoreFault = faultLog(c.Logger)
	}
	if c.Hooks.OnPlanRemoved == nil && c.Logger != nil {
		c.Hooks.OnPlanRemoved = hook.Zap(c.Logger).OnPlanRemoved
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	c.Executors = maps.Clone(c.Executors)
	c.Hooks = c.Hooks.Guard(c.Logger)
	return c
}

// faultLog returns a hook that logs store faults to l, or to slog.Default if l is nil.
func faultLog(l *zap.Logger) func(op string, err error) {
	if l == nil {
		return hook.Slog(nil).OnStoreFault
	}
	return hook.Zap(l).OnStoreFault
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
		if len(name) > plan.MaxName || !utf8.ValidString(name) {
			fault("Executors[%.32q] has a name that is no UTF-8, or of more than %d bytes: no plan can name it", name, plan.MaxName)
		}
	}
	if len(c.Executors) > store.MaxExecutors {
		fault("Executors are %d, the limit is %d", len(c.Executors), store.MaxExecutors)
	}
	if len(faults) > 0 {
		return &InvalidError{Faults: faults}
	}
	return nil
}

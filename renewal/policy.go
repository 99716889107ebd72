package renewal

import (
	"context"
	"time"
)

// DefaultFraction of the TTL is the interval of a policy that names none.
const DefaultFraction = 1.0 / 3

// Policy says how tasks are kept alive. It is a value to share: one for a million
// tasks is the usual case, and costs a task one pointer. It must not be changed once
// it has been registered.
type Policy struct {
	// TTL that each renewal sets. Required.
	TTL TTL
	// Interval between renewals. Zero: a third of the TTL. Three intervals must
	// fit into the TTL, so that two renewals may fail, unless AllowTight is set.
	Interval Interval
	// AllowTight accepts any interval that is shorter than the TTL less the
	// margin of the local deadline. A single failure may then lose the key.
	AllowTight bool
	// Stop ends the task at the first tick at which any of the rules holds.
	Stop []StopRule
	// Select finds the keys anew at each tick, for tasks without keys of their own.
	Select Selector
	// Loss says what a lost key means for its task. Default: EndTask. Keys of a
	// selector are always dropped.
	Loss LossRule
	// KeepLonger never shortens a TTL (GT): a key that lives longer, or without
	// limit, is left as it is and counts as renewed.
	KeepLonger bool
	// KeepPersistent never gives a TTL to a key that has none (XX). Without it a
	// renewal turns a persistent key into one that expires.
	KeepPersistent bool
	// RenewAtOnce makes the first tick due at registration instead of at a random
	// moment within the first interval.
	RenewAtOnce bool
	// Labels go to the hooks and callbacks as they are.
	Labels map[string]string
	// Callbacks are called with the outcomes.
	Callbacks Callbacks
}

// LossRule says what a lost key means for its task.
type LossRule uint8

const (
	// EndTask ends the task with the first key that is lost.
	EndTask LossRule = iota
	// DropKey goes on with the other keys; the task ends with the last.
	DropKey
)

// Callbacks are functions of the host that get a task's outcomes, one call per key. Those
// of one task come one at a time and in order, on goroutines apart from the renewals: a
// slow one delays nothing but the next callback of its task. If it falls far behind, calls
// of OnRenewed and OnFailed of its task are left out (and counted in Stats); those of OnLost
// and OnFinished never are. The rule about panics is that of Hooks. The context ends with
// the time budget of Config.UserBudget.
type Callbacks struct {
	OnRenewed func(context.Context, Event)
	OnLost    func(context.Context, Event)
	OnFailed  func(context.Context, Event)
	// OnFinished is called exactly once for each task, last, whatever the reason.
	OnFinished func(context.Context, Result)
}

// TTLFunc returns the TTL to set. It is called at every tick.
type TTLFunc func(context.Context, Status) (time.Duration, error)

// TTL is how long a renewed key lives. Redis counts in milliseconds; fractions are
// cut off.
type TTL struct {
	fixed time.Duration
	fn    TTLFunc
}

// FixedTTL is the same TTL at every tick.
func FixedTTL(d time.Duration) TTL { return TTL{fixed: d} }

// TTLFrom calls a function at every tick, the first of which comes at once. An error, a
// panic or a TTL below one millisecond makes the tick fail; it is tried again while time
// remains.
func TTLFrom(fn TTLFunc) TTL { return TTL{fn: fn} }

// IntervalFunc returns the time from this tick to the next.
type IntervalFunc func(context.Context, Status) (time.Duration, error)

// Interval is the time between the ticks of a task. Ticks come at a fixed rate: the
// next is due one interval after the last was due, however long it took.
type Interval struct {
	fixed    time.Duration
	jitter   float64
	fraction float64
	fn       IntervalFunc
}

// Every is a fixed interval.
func Every(d time.Duration) Interval { return Interval{fixed: d} }

// MaxJitter is the largest share of an interval by which a tick may come earlier.
const MaxJitter = 0.1

// Jittered is a fixed interval of which each tick comes up to the given share
// (at most MaxJitter) earlier, never later. The rate stays the same.
func Jittered(d time.Duration, share float64) Interval {
	return Interval{fixed: d, jitter: share}
}

// Fraction is an interval of a share of the TTL, between 0 and 1.
func Fraction(share float64) Interval { return Interval{fraction: share} }

// IntervalFrom calls a function at every tick. Where a function decides on the interval or
// the TTL, an interval that is too long for the TTL is shortened to a third of it.
func IntervalFrom(fn IntervalFunc) Interval { return Interval{fn: fn} }

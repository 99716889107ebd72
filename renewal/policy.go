package renewal

import (
	"context"
	"time"
)

// DefaultFraction is the interval of a policy that sets none, as a share of the TTL.
const DefaultFraction = 1.0 / 3

// Policy defines how the keys of tasks are kept alive. It is meant to be shared: a million tasks
// usually have one policy, which costs each task one pointer. It must not be changed after it has
// been registered.
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
	// Select finds the keys at each tick, for tasks that list no keys.
	Select Selector
	// Loss defines what a lost key means for its task. Default: EndTask. Keys of a selector are
	// always dropped.
	Loss LossRule
	// KeepLonger keeps renewals from shortening a TTL (GT): a key that lives longer, or without
	// limit, is left unchanged and counts as renewed.
	KeepLonger bool
	// KeepPersistent keeps renewals from setting a TTL on a key that has none (XX). Without it, a
	// renewal makes a persistent key expire.
	KeepPersistent bool
	// RenewAtOnce makes the first tick due at registration instead of at a random
	// moment within the first interval.
	RenewAtOnce bool
	// Labels are passed to the hooks and callbacks unchanged.
	Labels map[string]string
	// Callbacks are called with the outcomes.
	Callbacks Callbacks
}

// LossRule defines what a lost key means for its task.
type LossRule uint8

const (
	// EndTask ends the task when its first key is lost.
	EndTask LossRule = iota
	// DropKey goes on with the other keys; the task ends when its last key is lost.
	DropKey
)

// Callbacks are host functions that get a task's outcomes, one call per key. The callbacks of one
// task are called one at a time and in order, not on the goroutines that renew, so a slow callback
// delays only the next callback of its task. If a task's callbacks fall far behind, calls of
// OnRenewed and OnFailed of that task are left out and counted in Stats; calls of OnLost and
// OnFinished never are. Panics are handled as for [Hooks]. The context ends after
// Config.UserBudget.
type Callbacks struct {
	OnRenewed func(context.Context, Event)
	OnLost    func(context.Context, Event)
	OnFailed  func(context.Context, Event)
	// OnFinished is called exactly once for each task, as its last callback, whatever the reason
	// for its end; it is left out only if Config.Grace runs out during a shutdown.
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

// FixedTTL returns a TTL that is the same at every tick.
func FixedTTL(d time.Duration) TTL { return TTL{fixed: d} }

// TTLFrom returns a TTL for which fn is called at every tick; the first tick is due at once. An
// error, a panic, or a TTL below one millisecond or above MaxTTL makes the tick fail; the tick is
// retried while time remains.
func TTLFrom(fn TTLFunc) TTL { return TTL{fn: fn} }

// IntervalFunc returns the time from this tick to the next.
type IntervalFunc func(context.Context, Status) (time.Duration, error)

// Interval is the time between the ticks of a task. Ticks come at a fixed rate: each is due one
// interval after the previous tick was due, however long that tick took.
type Interval struct {
	fixed    time.Duration
	jitter   float64
	fraction float64
	fn       IntervalFunc
}

// Every returns a fixed interval.
func Every(d time.Duration) Interval { return Interval{fixed: d} }

// MaxJitter is the maximum share of an interval by which a tick may come early.
const MaxJitter = 0.1

// Jittered returns a fixed interval whose ticks come early, never late, each by a random time of up
// to the given share of the interval (at most MaxJitter). The rate stays the same.
func Jittered(d time.Duration, share float64) Interval {
	return Interval{fixed: d, jitter: share}
}

// Fraction returns an interval that is the given share of the TTL, between 0 and 1.
func Fraction(share float64) Interval { return Interval{fraction: share} }

// IntervalFrom returns an interval for which fn is called at every tick. If a function determines
// the interval or the TTL, an interval that is too long for the TTL is shortened to a third of the
// TTL.
func IntervalFrom(fn IntervalFunc) Interval { return Interval{fn: fn} }

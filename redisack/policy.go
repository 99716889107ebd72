package redisack

import (
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/cutover-go/cutover/internal/nilcheck"
)

// Check is how a write is confirmed.
type Check struct {
	// Fleet says who has to confirm. Required.
	Fleet Fleet
	// Prober asks them. Required unless Push is set.
	Prober Prober
	// Push counts the acknowledgements that clients write to the stream beside the key. Polling
	// goes on for those that have not acknowledged; without a Prober nothing is polled.
	Push bool
	// Policy says how many, how long, how often.
	Policy Policy
}

// Policy bounds a run. The zero value is usable: everybody, within a minute. Zero is the default of
// every field; "none", where it makes sense, is a negative value.
type Policy struct {
	// Timeout bounds the whole run; it starts before the write. Default 1 minute; negative: only
	// the caller's context bounds it.
	Timeout time.Duration
	// AttemptTimeout bounds one attempt. Default 2 s. An attempt without an end would keep its
	// worker, so there is no "none".
	AttemptTimeout time.Duration
	// FirstAttemptTimeout bounds the first attempt at an endpoint; it doubles with each attempt
	// that times out, up to AttemptTimeout, so that black holes do not hold up the others. Default
	// 250 ms, at most AttemptTimeout.
	FirstAttemptTimeout time.Duration
	// StartDelay is how long Apply leaves clients alone after the write, +-20 %. Default 200 ms;
	// negative: none.
	StartDelay time.Duration
	// Grace is how long stragglers are still asked after the quorum is met. Default, and negative:
	// none.
	Grace time.Duration
	// RefreshEvery is how often the fleet is looked up again. Default 5 s; negative: never, as for
	// URLs and Static.
	RefreshEvery time.Duration
	// MaxAttempts bounds the attempts at one endpoint. Default, and negative: as many as the time
	// allows.
	MaxAttempts int
	// MinMembers is the number of members below which a shrunken fleet cannot confirm. Default:
	// half of those at the start, rounded up; negative: none, but an empty fleet confirms nothing.
	MinMembers int
	// Interval is the schedule for clients that answer but do not run the version yet.
	Interval Interval
	// NewDelays makes the schedule for one endpoint's errors. Default: exponential from 100 ms to 2
	// s with jitter.
	NewDelays func() Delays
	// Quorum says how many have to confirm. Default All.
	Quorum Quorum
	// Compare judges the answers. Default Compare.
	Compare Comparer
	// Stable asks for more than one match. Default: the first one counts, and the endpoint is not
	// asked again.
	Stable Stability
	// Rollback says when Apply puts the previous payload back. It has a Timeout of its own and goes
	// on after the deadline of the caller's context, but not after its cancellation. Default
	// RollbackNever.
	Rollback RollbackMode
	// AcceptNewer counts clients with a newer revision as confirmed. Default: they are
	// ReasonSuperseded.
	AcceptNewer bool
	// IgnoreJoiners leaves members that join during the run out. Default: they have to confirm like
	// the others.
	IgnoreJoiners bool
	// AllowEmpty makes an empty fleet a success. Default: it is ErrNoEndpoints, before anything is
	// written.
	AllowEmpty bool
	// RequireNotify makes a refused announcement the end of the run. Default: it is a warning;
	// polling goes on.
	RequireNotify bool
}

// Interval is a near-constant schedule.
type Interval struct {
	// Base is the first distance between two attempts. Default 250 ms.
	Base time.Duration
	// Max is the longest. Default 2 s, or Base if that is longer.
	Max time.Duration
	// Growth multiplies the distance after each attempt, at least 1. Default 1.1.
	Growth float64
	// Jitter spreads each distance by this part of it either way, below 1. Default 0.2; negative:
	// none.
	Jitter float64
}

// Stability asks an endpoint to match Count times over at least For (at least twice, if For is
// set). Another answer in between, or a restart of the client, begins anew. Acknowledgements that
// are pushed count as matches, but come once; the further matches are found by polling.
type Stability struct {
	Count int
	For   time.Duration
}

// Delays yields the time to wait before the next attempt; a negative one ends the attempts. The
// exponential and constant delays of cenkalti/backoff satisfy it. One value serves one endpoint and
// is never used concurrently.
type Delays interface {
	NextBackOff() time.Duration
	Reset()
}

// RollbackMode says when Apply writes the previous payload again, as a new revision.
type RollbackMode uint8

// The modes. None of them acts on a write that is not the current one any more.
const (
	RollbackNever RollbackMode = iota
	// RollbackOnReject acts when a client's refusal has failed the run.
	RollbackOnReject
	// RollbackOnFailure acts on every failure that leaves this write current, except a
	// cancellation.
	RollbackOnFailure
)

const (
	defaultTimeout        = time.Minute
	defaultAttemptTimeout = 2 * time.Second
	defaultFirstTimeout   = 250 * time.Millisecond
	defaultStartDelay     = 200 * time.Millisecond
	defaultRefreshEvery   = 5 * time.Second
	defaultErrorDelay     = 100 * time.Millisecond
	defaultMaxDelay       = 2 * time.Second
)

// forever is longer than any run. A larger duration, such as the largest there is, would overflow
// when it is doubled or added to the time that has passed.
const forever = 50 * 365 * 24 * time.Hour

func (p Policy) complete() Policy {
	for _, d := range []*time.Duration{
		&p.Timeout, &p.AttemptTimeout, &p.FirstAttemptTimeout, &p.StartDelay, &p.Grace, &p.RefreshEvery,
		&p.Interval.Base, &p.Interval.Max,
	} {
		*d = min(*d, forever)
	}
	setDefault(&p.Timeout, defaultTimeout)
	if p.Timeout < 0 {
		p.Timeout = forever
	}
	setDefault(&p.AttemptTimeout, defaultAttemptTimeout)
	setDefault(&p.FirstAttemptTimeout, defaultFirstTimeout)
	p.FirstAttemptTimeout = min(p.FirstAttemptTimeout, p.AttemptTimeout)
	setDefault(&p.StartDelay, defaultStartDelay)
	setDefault(&p.RefreshEvery, defaultRefreshEvery)
	setDefault(&p.Interval.Base, 250*time.Millisecond)
	setDefault(&p.Interval.Max, max(defaultMaxDelay, p.Interval.Base))
	setDefault(&p.Interval.Growth, 1.1)
	setDefault(&p.Interval.Jitter, 0.2)
	p.Interval.Jitter = max(p.Interval.Jitter, 0)
	p.StartDelay, p.Grace = max(p.StartDelay, 0), max(p.Grace, 0)
	setDefault(&p.Stable.Count, 1)
	if p.Stable.For > 0 {
		p.Stable.Count = max(p.Stable.Count, 2)
	}
	if p.NewDelays == nil {
		p.NewDelays = errorDelays
	}
	if p.Quorum == nil {
		p.Quorum = All()
	}
	if p.Compare == nil {
		p.Compare = Compare
	}
	return p
}

// exhausted reports whether an endpoint has had all its attempts.
func (p *Policy) exhausted(attempts int) bool { return p.MaxAttempts > 0 && attempts >= p.MaxAttempts }

func setDefault[T comparable](value *T, byDefault T) {
	var zero T
	if *value == zero {
		*value = byDefault
	}
}

func errorDelays() Delays {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(defaultErrorDelay),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(1),
		backoff.WithMaxInterval(defaultMaxDelay/2), // the jitter doubles it at most
		backoff.WithMaxElapsedTime(0),
	)
}

func (p Policy) check(f *faults) {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"AttemptTimeout", p.AttemptTimeout},
		{"FirstAttemptTimeout", p.FirstAttemptTimeout},
		{"Interval.Base", p.Interval.Base},
		{"Interval.Max", p.Interval.Max},
		{"Stable.For", p.Stable.For},
	} {
		f.when(d.value < 0, "Policy."+d.name, fmt.Sprintf("is negative: %v", d.value))
	}
	f.when(p.Stable.Count < 0, "Policy.Stable.Count", fmt.Sprintf("is negative: %d", p.Stable.Count))
	i := p.Interval
	f.when(i.Max > 0 && i.Max < i.Base, "Policy.Interval.Max", "is below Base")
	f.when(i.Growth != 0 && !(i.Growth >= 1 && i.Growth <= 10), "Policy.Interval.Growth", "is not from 1 to 10")
	f.when(!(i.Jitter < 1), "Policy.Interval.Jitter", "is not below 1")
	f.when(p.Rollback > RollbackOnFailure, "Policy.Rollback", "is no known mode")
}

// Validate returns nil, or an *InvalidError that names every fault which can be seen without
// looking the fleet up. Confirm and Apply begin with it.
func (ck Check) Validate() error {
	var f faults
	ck.check(&f)
	return f.err()
}

func (ck Check) check(f *faults) {
	f.when(ck.Fleet == nil, "Check.Fleet", "is missing")
	f.when(ck.Prober == nil && !ck.Push, "Check.Prober", "is missing, and Push is not set")
	f.when(ck.Prober != nil && nilcheck.IsNil(ck.Prober), "Check.Prober", "holds a nil pointer")
	ck.Policy.check(f)
}

package redisack

import (
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/cutover-go/cutover/internal/nilcheck"
)

// Check says how to confirm a write.
type Check struct {
	// Fleet lists the endpoints that have to confirm. Required.
	Fleet Fleet
	// Prober asks the endpoints. Required unless Push is set.
	Prober Prober
	// Push counts the acknowledgements that clients write to the key's stream of acknowledgements.
	// Clients that have not acknowledged are still polled; without a Prober nothing is polled.
	Push bool
	// Policy says how many endpoints have to confirm, how long to wait and how often to ask.
	Policy Policy
}

// Policy bounds a run. The zero value is usable: all members have to confirm within a minute. A
// zero field means its default; a negative value means "none" where that makes sense.
type Policy struct {
	// Timeout bounds the whole run; it starts before the write. Default 1 minute; negative: only
	// the caller's context bounds it.
	Timeout time.Duration
	// AttemptTimeout bounds one attempt. Default 2 s. It cannot be switched off, because an attempt
	// that never ends would occupy its worker forever.
	AttemptTimeout time.Duration
	// FirstAttemptTimeout bounds the first attempt at an endpoint; it doubles with each attempt
	// that times out, up to AttemptTimeout, so that endpoints that never answer do not delay the
	// others. Default 250 ms, at most AttemptTimeout.
	FirstAttemptTimeout time.Duration
	// StartDelay is how long Apply waits after the write before it asks clients, +-20 %. Default
	// 200 ms; negative: none.
	StartDelay time.Duration
	// Grace is how long, after the quorum is met, the run goes on asking members that have not
	// confirmed. Default, and negative: none.
	Grace time.Duration
	// RefreshEvery is the time between two look-ups of the fleet. Default 5 s; negative: never, as
	// for URLs and Static.
	RefreshEvery time.Duration
	// MaxAttempts bounds the attempts at one endpoint. Default, and negative: no bound but the
	// time.
	MaxAttempts int
	// MinMembers is the minimum number of members: a fleet that has shrunk below it cannot confirm.
	// Default: half of the members at the start, rounded up; negative: no minimum, but an empty
	// fleet confirms nothing.
	MinMembers int
	// Interval is the schedule for clients that answer but do not run the version yet.
	Interval Interval
	// NewDelays returns the delays between attempts at one endpoint after errors. Default:
	// exponential from 100 ms to 2 s with jitter.
	NewDelays func() Delays
	// Quorum says how many members have to confirm. Default All.
	Quorum Quorum
	// Compare compares the answers with the target. Default: the function Compare.
	Compare Comparer
	// Stable requires more than one match. Default: the first match confirms the endpoint, which is
	// then not asked again.
	Stable Stability
	// Rollback says when Apply writes the previous payload again. The rollback has its own Timeout
	// and goes on after the deadline of the caller's context, but not after its cancellation.
	// Default RollbackNever.
	Rollback RollbackMode
	// AcceptNewer counts clients with a newer revision as confirmed. Default: they fail with
	// ReasonSuperseded.
	AcceptNewer bool
	// IgnoreJoiners ignores endpoints that join the fleet during the run. Default: they have to
	// confirm like the others.
	IgnoreJoiners bool
	// AllowEmpty makes a run with an empty fleet succeed. Default: such a run fails with
	// ErrNoEndpoints before anything is written.
	AllowEmpty bool
	// RequireNotify ends the run with ErrNotifyFailed if Redis refuses the announcement. Default: a
	// refusal is a warning, and polling goes on.
	RequireNotify bool
}

// Interval is the near-constant time between attempts at a client that answers.
type Interval struct {
	// Base is the first interval between two attempts. Default 250 ms.
	Base time.Duration
	// Max is the maximum interval. Default 2 s, or Base if that is longer.
	Max time.Duration
	// Growth is the factor, at least 1, by which the interval grows after each attempt. Default
	// 1.1.
	Growth float64
	// Jitter is the fraction, below 1, by which each interval is randomly lengthened or shortened.
	// Default 0.2; negative: none.
	Jitter float64
}

// Stability requires an endpoint to match Count times over a time of at least For (at least twice,
// if For is set). Any other answer in between, or a restart of the client, resets the count. A
// pushed acknowledgement counts as one match; the others are found by polling.
type Stability struct {
	Count int
	For   time.Duration
}

// Delays returns the time to wait before the next attempt; a negative time ends the attempts. The
// exponential and constant backoffs of cenkalti/backoff implement it. One value serves one endpoint
// and is never used concurrently.
type Delays interface {
	NextBackOff() time.Duration
	Reset()
}

// RollbackMode says when Apply writes the previous payload again, as a new revision.
type RollbackMode uint8

// The modes. None of them undoes a write that is no longer current.
const (
	RollbackNever RollbackMode = iota
	// RollbackOnReject rolls back if the run failed because a client rejected the write.
	RollbackOnReject
	// RollbackOnFailure rolls back after every failure that leaves this write current, except a
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

// forever is longer than any run. A larger duration, such as math.MaxInt64, would overflow when it
// is doubled or added to the elapsed time.
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

// exhausted reports whether an endpoint that has had this number of attempts gets no further one.
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
	f.when(p.Rollback > RollbackOnFailure, "Policy.Rollback", "is not a known mode")
}

// Validate returns nil, or an *InvalidError that names every fault that can be found without
// looking up the fleet. Confirm and Apply call it first.
func (ck Check) Validate() error {
	var f faults
	ck.check(&f)
	return f.err()
}

func (ck Check) check(f *faults) {
	f.when(ck.Fleet == nil, "Check.Fleet", "is missing")
	f.when(ck.Prober == nil && !ck.Push, "Check.Prober", "is missing, and Push is not set")
	f.when(ck.Prober != nil && nilcheck.IsNil(ck.Prober), "Check.Prober", "is a nil pointer")
	ck.Policy.check(f)
}

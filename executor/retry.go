package executor

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Retry sets how often a step is tried within one attempt of its task, and how long to wait between
// two tries: First, then twice as long each time up to Max, each wait lengthened or shortened at
// random by up to half. Only failures that are [Error.Retryable] are tried again. A failure with an
// [Error.RetryAfter] is tried again no earlier than that, and not at all if that is longer than
// Max, because the service asked not to be called earlier. The zero value tries once.
type Retry struct {
	// Attempts is the maximum number of tries. Default 1.
	Attempts int
	// First is the first wait. Default 500 ms.
	First time.Duration
	// Max is the longest wait, before randomisation. Default 30 s, or First if that is longer.
	Max time.Duration
}

const (
	defaultFirst = 500 * time.Millisecond
	defaultMax   = 30 * time.Second
)

// Check returns an *[InvalidError] that lists every fault of r, nil if there is none.
func (r Retry) Check() error {
	if faults := r.faults(); len(faults) > 0 {
		return &InvalidError{Faults: faults}
	}
	return nil
}

func (r Retry) faults() []string {
	var faults []string
	if r.Attempts < 0 {
		faults = append(faults, "Retry.Attempts is negative")
	}
	if r.First < 0 || r.Max < 0 {
		faults = append(faults, "Retry.First or Retry.Max is negative")
	}
	if r.Max > 0 && r.First > r.Max {
		faults = append(faults, "Retry.First is longer than Retry.Max")
	}
	return faults
}

// Do calls f until it succeeds, its failure is not to be tried again, it has been called r.Attempts
// times or ctx ends. It returns f's last error. f receives the number of the try, from 1. [Steps]
// call Do for every step; it is for other executors.
func (r Retry) Do(ctx context.Context, f func(try int) error) error {
	var err error
	try := 0
	waits := r.waits()
	once := func() error {
		try++
		if err = f(try); err == nil || ctx.Err() != nil {
			return nil // nothing to try again
		}
		failure := classify(err)
		if !failure.Retryable || failure.RetryAfter > r.longest() {
			return nil
		}
		waits.atLeast = failure.RetryAfter
		return err
	}
	_ = backoff.Retry(once, backoff.WithContext(backoff.WithMaxRetries(waits, r.more()), ctx))
	return err
}

// more returns how often to try again after the first try.
func (r Retry) more() uint64 { return uint64(max(r.Attempts, 1) - 1) }

// longest returns Max, or its default.
func (r Retry) longest() time.Duration {
	if r.Max == 0 {
		return max(defaultMax, r.First)
	}
	return r.Max
}

func (r Retry) waits() *waits {
	if r.Attempts <= 1 {
		return &waits{BackOff: &backoff.StopBackOff{}}
	}
	w := backoff.NewExponentialBackOff(backoff.WithMaxElapsedTime(0))
	w.InitialInterval, w.MaxInterval, w.Multiplier = r.First, r.longest(), 2
	if r.First == 0 {
		w.InitialInterval = min(defaultFirst, w.MaxInterval)
	}
	w.Reset()
	return &waits{BackOff: w}
}

// waits is a backoff whose waits are no shorter than the last failure asked for.
type waits struct {
	backoff.BackOff
	atLeast time.Duration
}

// NextBackOff returns the next wait.
func (w *waits) NextBackOff() time.Duration {
	next := w.BackOff.NextBackOff()
	if next == backoff.Stop {
		return next
	}
	return max(next, w.atLeast)
}

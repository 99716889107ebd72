package executor

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Retry says how often a step is tried within one attempt of its task, and how
// long to wait in between: First, then twice as long each time up to Max, each
// made up to half shorter or longer by chance. Only failures that are
// [Error.Retryable] are tried again. The zero value tries once.
type Retry struct {
	// Attempts is the most tries there are. Default 1.
	Attempts int
	// First is the first wait. Default 500 ms.
	First time.Duration
	// Max is the longest wait, before chance. Default 30 s.
	Max time.Duration
}

const (
	defaultFirst = 500 * time.Millisecond
	defaultMax   = 30 * time.Second
)

// faults names what is wrong with r.
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

// do calls f until it succeeds, fails for good, has been called r.Attempts times
// or ctx ends, and returns f's last error.
func (r Retry) do(ctx context.Context, f func(try int) error) error {
	var err error
	try := 0
	once := func() error {
		try++
		if err = f(try); err == nil || !classify(err).Retryable || ctx.Err() != nil {
			return nil // nothing to try again
		}
		return err
	}
	_ = backoff.Retry(once, backoff.WithContext(backoff.WithMaxRetries(r.waits(), r.more()), ctx))
	return err
}

// more returns how often to try again.
func (r Retry) more() uint64 { return uint64(max(r.Attempts, 1) - 1) }

func (r Retry) waits() backoff.BackOff {
	if r.Attempts <= 1 {
		return &backoff.StopBackOff{}
	}
	waits := backoff.NewExponentialBackOff(backoff.WithMaxElapsedTime(0))
	waits.InitialInterval, waits.MaxInterval, waits.Multiplier = r.First, r.Max, 2
	if r.Max == 0 {
		waits.MaxInterval = max(defaultMax, r.First)
	}
	if r.First == 0 {
		waits.InitialInterval = min(defaultFirst, waits.MaxInterval)
	}
	waits.Reset()
	return waits
}

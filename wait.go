package cutover

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/cutover-go/cutover/store"
)

// commandPatience is how long a command is sent again while the store is away.
const commandPatience = 10 * time.Second

// retry calls f until it succeeds, fails for good, patience is over or ctx ends.
// f must be safe to repeat. patience 0 is unlimited.
func (e *Engine) retry(ctx context.Context, op string, patience time.Duration, f func() error) error {
	err := f()
	if err == nil || !store.Temporary(err) {
		return err
	}
	e.fault(op, err)
	delays := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(20*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(patience),
	)
	again := func() error {
		err := f()
		if err != nil && !store.Temporary(err) {
			return backoff.Permanent(err)
		}
		return err
	}
	return backoff.RetryNotify(again, backoff.WithContext(delays, ctx), func(err error, _ time.Duration) { e.fault(op, err) })
}

// fault reports a failed call of the store.
func (e *Engine) fault(op string, err error) {
	if err != nil {
		e.cfg.Hooks.StoreFault(op, err)
	}
}

// jitter returns d changed by up to a fifth, so that processes do not keep step.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

package cutover

import (
	"context"
	"errors"
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

// fault reports a failed call of the store. What we gave up ourselves is no fault.
func (e *Engine) fault(op string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		e.cfg.Hooks.OnStoreFault(op, err)
	}
}

package storeclient

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/cutover-go/cutover/store"
)

// callTimeout is how long a call that a caller waits for is repeated while the store is
// unreachable.
const callTimeout = 10 * time.Second

// Do makes a call that a caller waits for: it is [Client.Retry] with a timeout of ten seconds.
func (c *Client) Do(ctx context.Context, op string, call func() error) error {
	return c.Retry(ctx, op, callTimeout, call)
}

// Retry makes a call and repeats it, at once and then with growing pauses, until it succeeds,
// returns an error that is not store.Temporary, timeout has passed or ctx ends. The call must be
// safe to repeat. A timeout of 0 means no timeout. Errors after which the call is repeated are
// reported by [Client.Fault].
func (c *Client) Retry(ctx context.Context, op string, timeout time.Duration, call func() error) error {
	err := call()
	if err == nil || !store.Temporary(err) {
		return err
	}
	c.Fault(op, err)
	delays := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(20*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(timeout),
	)
	again := func() error {
		err := call()
		if err != nil && !store.Temporary(err) {
			return backoff.Permanent(err)
		}
		return err
	}
	return backoff.RetryNotify(again, backoff.WithContext(delays, ctx), func(err error, _ time.Duration) { c.Fault(op, err) })
}

// Fault reports the error of a failed call. It ignores nil, and context.Canceled, which means that
// this process canceled the call itself.
func (c *Client) Fault(op string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		c.opts.Fault(op, err)
	}
}

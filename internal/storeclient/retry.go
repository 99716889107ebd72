package storeclient

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/cutover-go/cutover/store"
)

// callTimeout is how long a call that somebody waits for is sent again while the store is away.
const callTimeout = 10 * time.Second

// Do makes a call that somebody waits for: [Client.Retry] for ten seconds at most.
func (c *Client) Do(ctx context.Context, op string, call func() error) error {
	return c.Retry(ctx, op, callTimeout, call)
}

// Retry makes a call again and again, with growing pauses, until it succeeds, fails for good,
// timeout has passed or ctx ends. The call must be safe to repeat. A timeout of 0 is none.
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

// Fault reports a failed call; nil is none. A call that this process gave up itself is no fault.
func (c *Client) Fault(op string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		c.opts.Fault(op, err)
	}
}

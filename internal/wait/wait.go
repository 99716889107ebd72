// Package wait contains the waits that the engine and redisack share: for a duration, for a channel
// to close, and a little beyond the end of a context.
package wait

import (
	"context"
	"math/rand/v2"
	"time"
)

// For waits until d has passed or ctx has ended.
func For(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Until waits until done is closed, for d at most, and reports whether done was closed.
func Until(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// Jitter returns d changed at random by up to a fifth either way, so that processes do not act in
// step.
func Jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// WithGrace returns a context that ends d after ctx has ended, so that the outcome of calls under
// way can still be read. Calling cancel ends it at once and releases its resources.
func WithGrace(ctx context.Context, d time.Duration) (graceful context.Context, cancel func()) {
	graceful, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		For(graceful, d)
		end()
	})
	return graceful, func() { stop(); end() }
}

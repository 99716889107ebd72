// Package wait has the ways in which the engine waits: for a time, for an end, and a little beyond
// the end of a context.
package wait

import (
	"context"
	"math/rand/v2"
	"time"
)

// For waits for d or the end of ctx.
func For(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Until waits until done is closed, for d at most, and reports whether it was.
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

// Jitter returns d changed by up to a fifth either way, so that processes do not keep step.
func Jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// WithGrace returns a context that ends d after ctx does, so that the outcome of what was begun is
// still seen. Calling cancel ends it at once.
func WithGrace(ctx context.Context, d time.Duration) (graceful context.Context, cancel func()) {
	graceful, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		For(graceful, d)
		end()
	})
	return graceful, func() { stop(); end() }
}

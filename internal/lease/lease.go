package lease

import (
	"context"
	"sync/atomic"
	"time"
)

// Lease is one incarnation of this process: a name under which the process holds tasks as long as
// it renews the lease. A lease that is over never comes back; the process acquires a new lease. It
// is safe for concurrent use.
type Lease struct {
	name string
	ctx  context.Context //nolint:containedctx // the lease is the lifetime
	end  context.CancelCauseFunc
	born time.Time
	// until is when the lease ends by this process's own monotonic clock, in time since born.
	// Invariant: until is never later than the end by the store's clock, because it counts from a
	// time before the renewal was sent.
	until atomic.Int64
}

func newLease(ctx context.Context, name string) *Lease {
	l := &Lease{name: name, born: time.Now()}
	l.ctx, l.end = context.WithCancelCause(ctx)
	return l
}

// Name returns the name of the incarnation, by which the store knows it.
func (l *Lease) Name() string { return l.name }

// Context ends, with a cause, when the lease is over. The contexts of all executors derive from it.
func (l *Lease) Context() context.Context { return l.ctx }

// Left returns the time for which the lease is valid without another renewal.
func (l *Lease) Left() time.Duration { return time.Duration(l.until.Load()) - time.Since(l.born) }

// Alive reports whether this process may still write. A process that was frozen learns here that
// its lease is over, before it sends a write that the store would have to refuse.
func (l *Lease) Alive() bool { return l.Left() > 0 && l.ctx.Err() == nil }

// aliveAt is Alive for who has read the clock.
func (l *Lease) aliveAt(now time.Time) bool {
	return time.Duration(l.until.Load()) > now.Sub(l.born) && l.ctx.Err() == nil
}

// renewed records that the renewal that this process sent at the time sent has succeeded.
func (l *Lease) renewed(sent time.Time, ttl time.Duration) {
	l.until.Store(int64(sent.Sub(l.born) + ttl))
}

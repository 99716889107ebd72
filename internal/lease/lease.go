package lease

import (
	"context"
	"sync/atomic"
	"time"
)

// Lease is one incarnation of this process: a name under which it holds tasks, for as long as it
// renews it. A lease that is over never comes back; the process takes a new one. It is safe for
// concurrent use.
type Lease struct {
	name string
	ctx  context.Context //nolint:containedctx // the lease is the lifetime
	end  context.CancelCauseFunc
	born time.Time
	// until is the end by this process's own monotonic clock, in time since born.
	// Invariant: never later than the store's. It counts from before the renewal was sent.
	until atomic.Int64
}

func newLease(ctx context.Context, name string) *Lease {
	l := &Lease{name: name, born: time.Now()}
	l.ctx, l.end = context.WithCancelCause(ctx)
	return l
}

// Name is the incarnation's, as the store knows it.
func (l *Lease) Name() string { return l.name }

// Context ends, with a cause, when the lease is over. The contexts of all executors derive from it.
func (l *Lease) Context() context.Context { return l.ctx }

// Left returns how long the lease is good for without another renewal.
func (l *Lease) Left() time.Duration { return time.Duration(l.until.Load()) - time.Since(l.born) }

// Alive reports whether this process may still write. A process that was frozen finds out here,
// before the store would have to refuse it.
func (l *Lease) Alive() bool { return l.Left() > 0 && l.ctx.Err() == nil }

// renewed notes that a renewal which was sent at that time succeeded.
func (l *Lease) renewed(sent time.Time, ttl time.Duration) {
	l.until.Store(int64(sent.Sub(l.born) + ttl))
}

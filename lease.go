package cutover

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// lease is one incarnation of this process: a name under which it holds tasks, for
// as long as it renews it. A lease that is over never comes back; the process takes
// a new one.
type lease struct {
	name string
	// ctx ends, with a cause, when the lease is over. The contexts of all executors
	// derive from it.
	ctx  context.Context //nolint:containedctx // the lease is the lifetime
	end  context.CancelCauseFunc
	born time.Time
	// until is the end by this process's own monotonic clock, in time since born:
	// counted from before the renewal was sent, so never later than the store's.
	until atomic.Int64
	// gone is how many runs ended because the lease was over. Guarded by jobs.mu.
	gone int
	// disowned are the claims that were handed back unused: an answer that still
	// comes must not be acted upon. Guarded by jobs.mu.
	disowned map[task.ID]task.Token
}

func newLease(ctx context.Context, name string) *lease {
	l := &lease{name: name, born: time.Now(), disowned: make(map[task.ID]task.Token)}
	l.ctx, l.end = context.WithCancelCause(ctx)
	return l
}

// renewed notes that a renewal which was sent at that time succeeded.
func (l *lease) renewed(sent time.Time, ttl time.Duration) {
	l.until.Store(int64(sent.Sub(l.born) + ttl))
}

// left returns how long the lease is good for without another renewal.
func (l *lease) left() time.Duration {
	return time.Duration(l.until.Load()) - time.Since(l.born)
}

// alive reports whether this process may still write. A process that was frozen
// finds out here, before the store would have to refuse it.
func (l *lease) alive() bool { return l.left() > 0 && l.ctx.Err() == nil }

// keepLease holds a lease until ctx ends, and gives it back then.
func (e *Engine) keepLease(ctx context.Context) {
	for ctx.Err() == nil {
		l := newLease(context.WithoutCancel(ctx), e.incarnation())
		if e.join(ctx, l) != nil {
			l.end(context.Canceled)
			wait.For(ctx, wait.Jitter(e.cfg.LeaseTTL/10))
			continue
		}
		e.lease.Store(l)
		e.capacity.Changed().Raise()
		over := e.renew(ctx, l)
		e.lease.Store(nil)
		if over {
			e.cfg.Hooks.OnLeaseLost(l.name, e.jobs.lostWith(l))
			l.end(executor.ErrLeaseLost)
			continue
		}
		e.leave(l)
	}
}

// incarnation returns a name that was never used before.
func (e *Engine) incarnation() string {
	return e.cfg.Name + "-" + strings.ToLower(rand.Text()[:12])
}

func (e *Engine) join(ctx context.Context, l *lease) error {
	sent := time.Now()
	err := e.store.Join(ctx, l.name, e.cfg.LeaseTTL)
	e.client.Fault("join", err)
	if err == nil {
		l.renewed(sent, e.cfg.LeaseTTL)
	}
	return err
}

// leave gives the lease back, unless executors are still busy under it: their
// tasks stay theirs until the lease runs out.
func (e *Engine) leave(l *lease) {
	defer l.end(executor.ErrShutdown)
	if e.jobs.count(l) > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handBackPatience)
	defer cancel()
	e.client.Fault("leave", e.store.Leave(ctx, l.name))
}

// renew renews the lease every third of its time until ctx ends, or the lease
// does: then over is true.
func (e *Engine) renew(ctx context.Context, l *lease) (over bool) {
	strays := strays{}
	pause := e.untilRenewal(l)
	for {
		if e.pause(ctx, pause); ctx.Err() != nil {
			return false
		}
		err := e.heartbeat(ctx, l, strays)
		switch {
		case err == nil:
			pause = e.untilRenewal(l)
			continue
		case errors.Is(err, store.ErrLeaseExpired), l.left() <= 0:
			return true
		}
		e.client.Fault("heartbeat", err)
		pause = min(e.cfg.LeaseTTL/10, max(l.left(), 0))
	}
}

// untilRenewal returns how long to wait with the next renewal: until a third of the
// time has passed since the last was sent. An answer that was long on its way has
// used some of that up.
func (e *Engine) untilRenewal(l *lease) time.Duration {
	return max(l.left()-e.cfg.LeaseTTL*2/3, e.cfg.LeaseTTL/100)
}

// pause waits until the next heartbeat. A change of a plan that this process works
// on brings it forward, so that executors hear of a cancel soon; several changes
// at once share one heartbeat.
func (e *Engine) pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-e.jobs.concerned:
		wait.For(ctx, min(d, e.cfg.LeaseTTL/100))
	}
}

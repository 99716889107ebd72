package cutover

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/executor"
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
			sleep(ctx, jitter(e.cfg.LeaseTTL/10))
			continue
		}
		e.lease.Store(l)
		e.slots.wake()
		over := e.renew(ctx, l)
		e.lease.Store(nil)
		if over {
			e.cfg.Hooks.LeaseLost(l.name, e.jobs.count(l))
			l.end(executor.ErrLeaseLost)
			continue
		}
		e.leave(l)
	}
}

// incarnation returns a name that was never used before.
func (e *Engine) incarnation() string {
	return e.cfg.Name + "-" + strings.ToLower(newID()[:12])
}

func (e *Engine) join(ctx context.Context, l *lease) error {
	sent := time.Now()
	err := e.store.Join(ctx, l.name, e.cfg.LeaseTTL)
	e.fault("join", err)
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
	e.fault("leave", e.store.Leave(ctx, l.name))
}

// renew renews the lease every third of its time until ctx ends, or the lease
// does: then over is true.
func (e *Engine) renew(ctx context.Context, l *lease) (over bool) {
	strays := strays{}
	wait := e.untilRenewal(l)
	for {
		if e.pause(ctx, wait); ctx.Err() != nil {
			return false
		}
		err := e.heartbeat(ctx, l, strays)
		switch {
		case err == nil:
			wait = e.untilRenewal(l)
			continue
		case errors.Is(err, store.ErrLeaseExpired), l.left() <= 0:
			return true
		}
		e.fault("heartbeat", err)
		wait = min(e.cfg.LeaseTTL/10, max(l.left(), 0))
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
func (e *Engine) pause(ctx context.Context, wait time.Duration) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-e.jobs.concerned:
		sleep(ctx, min(wait, e.cfg.LeaseTTL/100))
	}
}

// doubtTTLs is how many lease times a plan stays in doubt.
const doubtTTLs = 2

// heartbeat renews the lease and compares what the store says that it holds with
// what this process runs.
func (e *Engine) heartbeat(ctx context.Context, l *lease, strays strays) error {
	sent := time.Now()
	ctx, cancel := context.WithTimeout(ctx, max(l.left(), time.Millisecond))
	defer cancel()
	var held []store.Holding
	asked := e.jobs.plans(l, strays, doubtTTLs*e.cfg.LeaseTTL)
	for plans := asked; ; {
		batch := plans[:min(len(plans), store.MaxBatch)]
		plans = plans[len(batch):]
		h, err := e.store.Heartbeat(ctx, l.name, e.cfg.LeaseTTL, batch)
		if err != nil {
			e.jobs.doubt(asked...) // the next one has to ask again
			return err
		}
		held = append(held, h...)
		if len(plans) == 0 {
			break
		}
	}
	if !l.alive() {
		return store.ErrLeaseExpired // too late: runs may have been told that they are lost
	}
	l.renewed(sent, e.cfg.LeaseTTL)
	e.compare(ctx, l, sent, held, strays)
	return nil
}

// strays are tasks that the store says this incarnation holds and that it does not
// run, as of the last heartbeat.
type strays map[task.ID]stray

// stray is a claim that nobody runs.
type stray struct {
	token task.Token
	// since is when the first heartbeat that found it so was sent.
	since time.Time
}

// compare acts on a heartbeat's answer: executors of tasks that are lost are
// interrupted, stops are passed on, and tasks that nobody runs are handed back.
func (e *Engine) compare(ctx context.Context, l *lease, sent time.Time, held []store.Holding, before strays) {
	mine := make(map[task.ID]store.Holding, len(held))
	for _, h := range held {
		mine[h.Task] = h
	}
	for _, j := range e.jobs.of(l) {
		h, ok := mine[j.task.ID]
		switch {
		case ok && h.Token == j.task.Token:
			delete(mine, h.Task)
			j.hear(h.Stop)
		case j.began.Before(sent):
			j.lose()
		}
	}
	// A claim whose answer is under way looks like a stray. Only what has been one for
	// about the time between two heartbeats is one.
	now := strays{}
	for id, h := range mine {
		if e.jobs.runs(id, h.Token) {
			continue
		}
		found := stray{token: h.Token, since: sent}
		if b := before[id]; b.token == h.Token {
			found.since = b.since
		}
		if sent.Sub(found.since) >= e.cfg.LeaseTTL/4 && e.handBack(ctx, l, h) {
			continue
		}
		now[id] = found
	}
	clear(before)
	maps.Copy(before, now)
}

// handBack releases a task that the store says this process holds, and reports
// whether it need not be looked after any more.
func (e *Engine) handBack(ctx context.Context, l *lease, h store.Holding) bool {
	if !l.alive() || !e.jobs.disown(l, h.Task, h.Token) {
		return false
	}
	b := store.Batch{Plan: h.Task.Plan(), Works: []store.Work{{
		Task: h.Task, Token: h.Token, Seq: handBackSeq, Kind: store.Yield,
		Failure: stoppedUndo(1, ""),
	}}}
	if err := e.store.Commit(ctx, &b); err != nil {
		e.fault("hand back", err)
		return false
	}
	e.slots.attend(h.Task.Plan())
	return true
}

// handBackSeq numbers the change that hands a stray back: greater than any other,
// so that it cannot be taken for one that was made before. Every later save under
// the token would be answered as done before: disown sees to it that there is none.
const handBackSeq = 1<<32 - 1

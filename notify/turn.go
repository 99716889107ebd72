package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

const (
	// turnFor bounds a turn, so that other plans get theirs.
	turnFor = 10 * time.Second
	// conflictPause is how long a plan is left to the process that has its cursor.
	conflictPause = 2 * time.Second
	// maxQuiet is the longest pause between two looks at a plan that is not at rest. Hints shorten
	// it.
	maxQuiet = 10 * time.Second
	// endGrace is how long a turn may go on after Run's context has ended, to note what was sent.
	endGrace = 2 * time.Second
)

// readToEnd is the result of a turn that has read a plan to its end, and the plan is at rest.
const readToEnd = -1

// turn sends what is new of a plan, and returns when to look at it again, or [readToEnd].
func (n *Notifier) turn(ctx context.Context, f *follow) (after time.Duration) {
	began := time.Now()
	if pause, owned := n.own(ctx, f); !owned {
		return pause
	}
	ownedAt := began
	for ctx.Err() == nil {
		if time.Since(began) > turnFor {
			return 0
		}
		if time.Since(ownedAt) > n.ttl()/2 {
			ownedAt = time.Now()
			if pause, owned := n.own(ctx, f); !owned {
				return pause
			}
		}
		if f.pending == nil {
			wait, err := n.next(ctx, f)
			switch {
			case errors.Is(err, store.ErrNotFound): // the plan was removed
				n.forget(f)
				return readToEnd
			case err != nil:
				n.fault("read", err)
				return n.cfg.PollInterval
			case f.pending == nil && wait > 0:
				return wait
			case f.pending == nil:
				return n.atEnd(ctx, f)
			}
		}
		if pause, done := n.trySend(ctx, f, ownedAt.Add(n.ttl())); !done {
			return pause
		}
	}
	return 0
}

// own acquires or renews the cursor, and makes sure that the plan's name is known. If it cannot,
// pause is when to try again.
func (n *Notifier) own(ctx context.Context, f *follow) (pause time.Duration, owned bool) {
	position, err := n.subs.Cursor(ctx, f.id, n.cursorName(), n.owner, n.ttl())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 0, true // next finds out
	case errors.Is(err, store.ErrConflict):
		f.restart(0)
		n.forget(f)
		return conflictPause, false
	case err != nil:
		n.fault("cursor", err)
		return n.cfg.PollInterval, false
	}
	switch {
	case position != f.position || f.scanned == 0 && position > 0:
		f.restart(position)
	case f.sent > position:
		return n.move(ctx, f, f.sent)
	}
	if !f.known {
		p, err := n.engine.Plan(ctx, f.id)
		if err == nil {
			f.name, f.known = p.Name, true
		} else if !errors.Is(err, store.ErrNotFound) {
			n.fault("plan", err)
			return n.cfg.PollInterval, false
		}
	}
	return 0, true
}

// move moves the cursor, also if Run's context has just ended. If it cannot, pause is when to try
// again.
func (n *Notifier) move(ctx context.Context, f *follow, to int64) (pause time.Duration, moved bool) {
	graceful, cancel := graceOf(ctx)
	defer cancel()
	err := n.subs.MoveCursor(graceful, f.id, n.cursorName(), n.owner, to)
	if err != nil {
		n.fault("move cursor", err)
		if errors.Is(err, store.ErrConflict) {
			return conflictPause, false
		}
		return n.cfg.PollInterval, false
	}
	f.position = to
	return 0, true
}

// graceOf returns a context that ends endGrace after ctx.
func graceOf(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return context.WithTimeout(context.WithoutCancel(ctx), endGrace)
	}
	graceful, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(endGrace, cancel) })
	return graceful, func() { stop(); cancel() }
}

// atEnd moves the cursor to the end, and returns when to look again. The plan's own words decide
// whether it is at rest, not those of its last event: its counters may have changed since.
func (n *Notifier) atEnd(ctx context.Context, f *follow) time.Duration {
	if f.scanned > f.position {
		if pause, moved := n.move(ctx, f, f.scanned); !moved {
			return pause
		}
	}
	f.sent = f.position
	p, err := n.engine.Plan(ctx, f.id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		n.forget(f)
		return readToEnd
	case err != nil:
		n.fault("plan", err)
		return n.cfg.PollInterval
	case p.LastEvent > f.scanned:
		return 0
	case p.AtRest():
		n.forget(f)
		return readToEnd
	}
	f.quiet = min(max(2*f.quiet, n.cfg.PollInterval), maxQuiet)
	return f.quiet
}

// trySend sends the pending message, once, and reports whether the next one may be sent. Otherwise
// pause is when to try again.
func (n *Notifier) trySend(ctx context.Context, f *follow, owned time.Time) (pause time.Duration, done bool) {
	if left := time.Until(f.retryAt); left > 0 {
		return min(left, store.MaxHide), false
	}
	if f.busy != nil {
		select {
		case <-f.busy:
			f.busy = nil
		default: // an earlier call has not returned
			return n.cfg.RetryMax, false
		}
	}
	// After the process was frozen, nothing more is sent: another one has the cursor.
	sending, cancel := context.WithDeadline(ctx, minTime(owned, time.Now().Add(n.cfg.Timeout)))
	defer cancel()
	if sending.Err() != nil {
		return 0, false
	}
	returned, err := call(sending, n.sink, *f.pending)
	select {
	case <-returned:
	default:
		f.busy = make(chan struct{})
		go func(busy chan struct{}) {
			<-returned
			close(busy)
		}(f.busy)
	}
	f.tries++
	if err == nil {
		return n.sentPending(ctx, f)
	}
	if ctx.Err() != nil {
		return 0, false // the notifier was stopped, which is no failure of the sink
	}
	return n.failed(ctx, f, err)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// sentPending moves the cursor past the pending message.
func (n *Notifier) sentPending(ctx context.Context, f *follow) (pause time.Duration, done bool) {
	f.sent, f.pending, f.retryAt, f.quiet = f.pending.Last, nil, time.Time{}, 0
	n.noteSuccess(ctx)
	return n.move(ctx, f, f.sent)
}

// failed decides what becomes of the pending message after an error.
func (n *Notifier) failed(ctx context.Context, f *follow, err error) (pause time.Duration, done bool) {
	n.fault("send", err)
	now := time.Now()
	if f.failing.IsZero() {
		f.failing = now
	}
	since := n.noteFailure(ctx, err)
	if IsPermanent(err) || now.Sub(minTime(f.failing, since)) >= n.cfg.GiveUp {
		m := f.pending
		d := store.DeadLetter{
			ID: m.ID, Plan: m.Plan, First: m.First, Last: m.Last, At: now.UTC().Truncate(time.Millisecond),
			Reason: task.Cut(err.Error(), store.MaxText),
		}
		if err := n.subs.AddDeadLetter(ctx, n.name, d); err != nil {
			n.fault("dead letter", err)
			return n.cfg.PollInterval, false
		}
		f.sent, f.pending, f.retryAt = m.Last, nil, time.Time{}
		return n.move(ctx, f, f.sent)
	}
	pause = n.pauseAfter(f.tries)
	if asked := min(askedPause(err), time.Hour); asked > pause {
		pause = asked
	}
	f.retryAt = now.Add(pause)
	return min(pause, store.MaxHide), false
}

// pauseAfter returns the pause after a number of tries: it doubles, and is shorter by up to half at
// random, so that many plans do not try in step.
func (n *Notifier) pauseAfter(tries int) time.Duration {
	pause := n.cfg.RetryMax
	if shift := tries - 1; shift < 30 {
		pause = min(n.cfg.RetryMin<<shift, n.cfg.RetryMax)
	}
	return pause/2 + time.Duration(rand.Int64N(int64(pause/2)+1))
}

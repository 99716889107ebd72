package agent

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"
)

// leaveGrace is how long Run waits, after its context has ended, for an apply function that is
// ending too.
const leaveGrace = 25 * time.Millisecond

// Run keeps the process up to date until the context ends, and then returns nil, at once: it waits
// for no server, and only for a moment for the apply function, whose context has ended. A function
// that goes on all the same is left behind; should Run be called again, it is not called before
// that has returned.
func (a *Agent) Run(ctx context.Context) error {
	if !a.running.TryLock() {
		return ErrRunning
	}
	defer a.running.Unlock()
	listener := a.newListener()
	listened := make(chan struct{})
	go func() {
		defer close(listened)
		listener.run(ctx)
	}()
	f := follower{agent: a, listener: listener, trouble: backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond), backoff.WithMaxInterval(5*time.Second),
		backoff.WithMaxElapsedTime(0))}
	f.follow(ctx)
	select { // a silent server does not delay the return
	case <-listened:
	case <-time.After(leaveGrace / 2):
	}
	return nil
}

// follower is one Run: it reads what is current, has it applied, and goes on reading while that
// lasts. One goroutine owns it.
type follower struct {
	agent    *Agent
	listener *listener
	trouble  *backoff.ExponentialBackOff

	last    write
	current *attempt // the call of the apply function that is under way; nil for none
}

// follow reads the head now, at every hint, on the timer, and when the apply function has returned.
func (f *follower) follow(ctx context.Context) {
	by := onStart
	for ctx.Err() == nil {
		wait := f.refresh(ctx, by)
		timer := time.NewTimer(wait)
		select {
		case <-f.listener.hints:
			by = onHint
		case <-timer.C:
			by = onTimer
		case err := <-f.current.returned():
			by = f.finish(err)
		case <-f.current.overdue():
			f.current.late(f.agent)
			by = onHint
		case <-ctx.Done():
		}
		timer.Stop()
		if by == onRetry {
			pauseOrHint(ctx, f.trouble.NextBackOff(), f.listener.hints)
			by = onHint
		}
	}
	f.leave()
}

// trigger is why the head is read.
type trigger int

const (
	onStart trigger = iota
	onHint          // there was an announcement or a subscription
	onTimer         // no announcement came
	onRetry         // the apply function asked for another call
)

// refresh reads and acts once, and returns how long to wait for the next time.
func (f *follower) refresh(ctx context.Context, by trigger) time.Duration {
	wait := jitter(f.agent.cfg.Resync)
	if err := f.catchUp(ctx, by); err != nil {
		if ctx.Err() == nil {
			f.agent.log.Warn("configuration is not up to date", zap.Error(err))
		}
		return min(f.trouble.NextBackOff(), wait)
	}
	if f.current == nil {
		f.trouble.Reset()
	}
	return wait
}

// leave waits a moment for the apply function, and says that it has not finished.
func (f *follower) leave() {
	if f.current == nil {
		return
	}
	select {
	case err := <-f.current.returned():
		f.finish(err)
	case <-time.After(leaveGrace):
		f.current.late(f.agent)
	}
}

// pauseOrHint waits until a hint or the context ends it.
func pauseOrHint(ctx context.Context, d time.Duration, hints <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-hints:
	case <-ctx.Done():
	}
}

func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

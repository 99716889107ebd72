package agent

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/internal/wait"
)

// leaveGrace is how long Run waits for an apply function to return after the context of Run has
// ended.
const leaveGrace = 25 * time.Millisecond

// Run keeps the process up to date until the context ends, and then returns nil immediately: it
// does not wait for a server, and only 25 ms for the apply function, whose context has ended too.
// If the function does not return in that time, Run leaves it running; a later Run calls the
// function only after that call has returned. Run returns ErrRunning if another Run has not
// returned.
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
	select { // a server that does not answer must not delay the return
	case <-listened:
	case <-time.After(leaveGrace / 2):
	}
	return nil
}

// follower is the state of one Run: it reads the current configuration, has it applied, and goes on
// reading while the apply function runs. One goroutine owns it.
type follower struct {
	agent    *Agent
	listener *listener
	trouble  *backoff.ExponentialBackOff

	last    write
	current *attempt // the call of the apply function that is under way, or nil
}

// follow reads the head at the start, at every hint, on the timer, and when the apply function has
// returned.
func (f *follower) follow(ctx context.Context) {
	by := onStart
	for ctx.Err() == nil {
		timer := time.NewTimer(f.refresh(ctx, by))
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

// trigger is the reason for a read of the head.
type trigger int

const (
	onStart trigger = iota
	onHint          // an announcement, a subscription, or the apply function returned or is late
	onTimer         // no announcement came
	onRetry         // the apply function asked for another call
)

// refresh catches up once, and returns how long to wait before the next read.
func (f *follower) refresh(ctx context.Context, by trigger) time.Duration {
	pause := wait.Jitter(f.agent.cfg.Resync)
	if err := f.catchUp(ctx, by); err != nil {
		if ctx.Err() == nil {
			f.agent.log.Warn("configuration is not up to date", zap.Error(err))
		}
		return min(f.trouble.NextBackOff(), pause)
	}
	if f.current == nil {
		f.trouble.Reset()
	}
	return pause
}

// leave waits up to leaveGrace for the apply function. If the function has not returned by then,
// leave records that in the status.
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

// pauseOrHint waits for d, or until a hint arrives or the context ends.
func pauseOrHint(ctx context.Context, d time.Duration, hints <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-hints:
	case <-ctx.Done():
	}
}

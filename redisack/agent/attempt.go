package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// ErrMovedOn is the cause with which the context of an apply function ends when another
// configuration has become current: a rollback, or a newer version. An error that the function
// returns then is not reported as a rejection.
var ErrMovedOn = errors.New("agent: another configuration is current")

// ErrApplyTimeout is the cause with which the context of an apply function ends after
// Config.ApplyTimeout.
var ErrApplyTimeout = errors.New("agent: the time to apply is over")

// attempt is one call of the apply function. It runs in its own goroutine, so that the agent can go
// on reading.
type attempt struct {
	head   wire.Head
	ctx    context.Context //nolint:containedctx // of the call; overdue waits for its end
	cancel context.CancelCauseFunc
	done   chan error // receives the error of the function
	// reported means that the call has outlived its context, and that this has been reported.
	reported bool
}

// begin starts a call of the apply function. It returns an error if a call of an earlier Run has
// not returned.
func (a *Agent) begin(ctx context.Context, head wire.Head, payload string) (*attempt, error) {
	if !a.applying.TryLock() {
		return nil, errStillApplying
	}
	ctx, cancel := context.WithCancelCause(ctx)
	at := &attempt{head: head, ctx: ctx, cancel: cancel, done: make(chan error, 1)}
	if a.cfg.ApplyTimeout > 0 {
		var release context.CancelFunc
		at.ctx, release = context.WithTimeoutCause(ctx, a.cfg.ApplyTimeout, ErrApplyTimeout)
		at.cancel = func(cause error) { cancel(cause); release() }
	}
	update := Update{
		Key: a.names.Data, Field: a.names.Field, Version: head.Version, Rev: head.Rev, WriteID: head.WriteID,
		Payload: []byte(payload),
	}
	go func() {
		err := errors.New("the apply function ended its goroutine") // replaced if the function returns
		defer func() {
			if value := recover(); value != nil {
				err = wire.PanicError(value)
			}
			a.applying.Unlock()
			at.done <- err
		}()
		err = a.apply(at.ctx, update)
	}()
	return at, nil
}

var errStillApplying = errors.New("an earlier call of the apply function has not returned")

// is reports whether the call applies this write.
func (at *attempt) is(head wire.Head) bool {
	return at.head.Rev == head.Rev && at.head.WriteID == head.WriteID
}

// returned returns the channel that receives the function's error; for a nil attempt it is nil.
func (at *attempt) returned() <-chan error {
	if at == nil {
		return nil
	}
	return at.done
}

// overdue returns a channel that is closed when the context of the call has ended. It returns nil
// after that has been reported.
func (at *attempt) overdue() <-chan struct{} {
	if at == nil || at.reported {
		return nil
	}
	return at.ctx.Done()
}

// late records in the status that the function is still running although its context has ended.
func (at *attempt) late(a *Agent) {
	at.reported = true
	_ = a.report(at.head, wire.StateFailed, fmt.Errorf("%w; the apply function has not returned", context.Cause(at.ctx)))
}

// ended reports whether the function's context was ended by something other than the timeout: the
// end of Run, or another configuration. An error of the function then says nothing about the
// configuration.
func (at *attempt) ended() bool {
	return at.ctx.Err() != nil && !errors.Is(context.Cause(at.ctx), ErrApplyTimeout)
}

// defaultApplyTimeout equals the default of the writer's Policy.Timeout.
const defaultApplyTimeout = time.Minute

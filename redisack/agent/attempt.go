package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// ErrMovedOn is the cause of the end of an apply function's context when another configuration has
// become current: a rollback, or a newer version. What the function returns then is neither a
// rejection nor reported as one.
var ErrMovedOn = errors.New("agent: another configuration is current")

// ErrApplyTimeout is the cause of the end of an apply function's context after Config.ApplyTimeout.
var ErrApplyTimeout = errors.New("agent: the time to apply is over")

// attempt is one call of the apply function, in a goroutine of its own, so that the agent can go on
// reading while it works.
type attempt struct {
	head   wire.Head
	ctx    context.Context //nolint:containedctx // of the call; its end is noticed while the call lasts
	cancel context.CancelCauseFunc
	done   chan error // gets what the function returned
	// reported means that it goes on past its time, and that this has been reported.
	reported bool
}

// begin calls the apply function. It returns an error when a call of an earlier Run has not
// returned.
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
		err := errors.New("the apply function ended its goroutine") // stays if it does
		defer func() {
			if value := recover(); value != nil {
				err = fmt.Errorf("panic: %v", value)
			}
			a.applying.Unlock()
			at.done <- err
		}()
		err = a.apply(at.ctx, update)
	}()
	return at, nil
}

var errStillApplying = errors.New("an earlier call of the apply function has not returned")

// is reports whether the call is for this write.
func (at *attempt) is(head wire.Head) bool {
	return at.head.Rev == head.Rev && at.head.WriteID == head.WriteID
}

// returned gets what the function returned; without a call it never does.
func (at *attempt) returned() <-chan error {
	if at == nil {
		return nil
	}
	return at.done
}

// overdue is closed when the context of the call has ended, until that has been reported.
func (at *attempt) overdue() <-chan struct{} {
	if at == nil || at.reported {
		return nil
	}
	return at.ctx.Done()
}

// late reports that the function goes on although its context has ended.
func (at *attempt) late(a *Agent) {
	at.reported = true
	_ = a.report(at.head, wire.StateFailed, fmt.Errorf("%w; the apply function has not returned", context.Cause(at.ctx)))
}

// ended reports whether the function's context was ended by something other than its time: the
// agent's own end, or another configuration. An error says nothing of the configuration then.
func (at *attempt) ended() bool {
	return at.ctx.Err() != nil && !errors.Is(context.Cause(at.ctx), ErrApplyTimeout)
}

// defaultApplyTimeout is as long as a writer waits by default.
const defaultApplyTimeout = time.Minute

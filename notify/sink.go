package notify

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Sink sends messages. It is called from several goroutines, for one message of a plan at a time,
// and has to return when ctx ends.
//
// An error means that the message is sent again, after a growing pause or, for an error that
// [RetryAfter] made, after that time; an error that [Permanent] made means that it is given up.
type Sink interface {
	Send(ctx context.Context, m Message) error
}

// Func is a function as a [Sink].
type Func func(ctx context.Context, m Message) error

// Send implements [Sink].
func (f Func) Send(ctx context.Context, m Message) error { return f(ctx, m) }

// Permanent marks an error: sending the message again cannot succeed. It becomes a dead letter at
// once. Permanent returns nil if err is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// RetryAfter marks an error: the receiver asks for a pause before the message is sent again, which
// is then at least d. RetryAfter returns nil if err is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &laterError{err, d}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

type laterError struct {
	err   error
	after time.Duration
}

func (e *laterError) Error() string { return e.err.Error() }
func (e *laterError) Unwrap() error { return e.err }

// IsPermanent reports whether an error was marked by [Permanent].
func IsPermanent(err error) bool {
	var permanent *permanentError
	return errors.As(err, &permanent)
}

// askedPause returns the pause that an error asks for, or 0.
func askedPause(err error) time.Duration {
	var later *laterError
	if errors.As(err, &later) {
		return later.after
	}
	return 0
}

// errGoexit is the error of a sink that ended its goroutine.
var errGoexit = errors.New("notify: the sink has ended its goroutine")

// call calls a sink, and returns when it has returned or ctx has ended, whichever is first.
// returned is closed when the sink has returned. A panic becomes an error.
func call(ctx context.Context, s Sink, m Message) (returned <-chan struct{}, err error) {
	done, result := make(chan struct{}), errGoexit
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				result = fmt.Errorf("notify: the sink panicked: %v\n%s", v, debug.Stack())
			}
		}()
		result = s.Send(ctx, m)
	}()
	select {
	case <-done:
		return done, result
	case <-ctx.Done():
		select {
		case <-done:
			return done, result
		case <-time.After(returnGrace):
			return done, fmt.Errorf("notify: the sink does not return: %w", context.Cause(ctx))
		}
	}
}

// returnGrace is how long a sink may take to return after its context has ended.
const returnGrace = 100 * time.Millisecond

package redisack

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// within runs f in a goroutine and returns its result, or the cause of the context if the context
// ends first; f then continues in the background. It is for calls that may not return when their
// context ends, such as those of a Redis client whose connection hangs. f may be the host's code,
// which may panic or end its goroutine; within then returns an error. This package does not use
// internal/await, which recovers no panic and does not return the cause of the context.
func within[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		a := answer{err: errNoAnswer} // replaced unless f ends its goroutine
		defer func() {
			if value := recover(); value != nil {
				a.err = wire.PanicError(value)
			}
			done <- a
		}()
		a.value, a.err = f()
	}()
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}

var errNoAnswer = errors.New("the function ended its goroutine")

// leaveGrace is the time that each step at the end of a call may still take after the caller's
// context has ended.
const leaveGrace = 10 * time.Millisecond

// withGrace returns a context for the work at the end of a run. It ends after d, or leaveGrace
// after the end of ctx, if that is earlier.
func withGrace(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(leaveGrace, cancel) })
	return last, func() { stop(); cancel() }
}

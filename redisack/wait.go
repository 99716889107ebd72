package redisack

import (
	"context"
	"errors"
	"time"
)

// within runs f and returns its answer, or the cause of the context's end if that comes first; f
// then goes on by itself. It is for calls that do not end with their context at once, such as those
// of a Redis client whose connection hangs. f may be the host's code: it may panic, or end its
// goroutine.
func within[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		a := answer{err: errNoAnswer} // stays if f ends its goroutine
		defer func() {
			if value := recover(); value != nil {
				a.err = panicError(value)
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

// sleep waits; it returns false if the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// leaveGrace is what each part of a call's end may take once the caller's context has ended.
const leaveGrace = 10 * time.Millisecond

// withGrace returns a context for what is left to do when a run is over. It ends after d, or a
// moment after the caller's.
func withGrace(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(leaveGrace, cancel) })
	return last, func() { stop(); cancel() }
}

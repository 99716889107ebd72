package executor

import (
	"context"
	"fmt"
	"runtime/debug"
)

// PanicError is a panic of an executor, or a goroutine that it ended by
// runtime.Goexit.
type PanicError struct {
	// Value is what it panicked with; nil for runtime.Goexit.
	Value any
	// Stack is where.
	Stack []byte
}

func (e *PanicError) Error() string {
	if e.Value == nil {
		return "executor: the executor ended its goroutine"
	}
	return fmt.Sprintf("executor: panic: %v", e.Value)
}

// Unwrap returns the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Guard runs f, which is an Execute or Rollback, and returns its error; a panic
// comes back as a [*PanicError], and nil after a refused save as the error of that
// save. f has a goroutine of its own, so that one which
// ends its goroutine, as a test's FailNow does, harms nobody either.
//
// Guard returns when f has. After that no save of run is under way and none
// reaches its recorder: a goroutine that f left behind is told [ErrReturned].
func Guard(ctx context.Context, run *Run, f func(context.Context, *Run) error) error {
	done := make(chan error, 1)
	go GuardThen(ctx, run, f, func(err error) { done <- err })
	return <-done
}

// GuardThen is [Guard] for a caller that has a goroutine to spare: f runs in the
// calling one, and then is called exactly once, with what Guard would return,
// from a deferred function. If f ends its goroutine, the caller's ends with it
// once then has returned.
func GuardThen(ctx context.Context, run *Run, f func(context.Context, *Run) error, then func(error)) {
	var err error
	returned := false
	defer func() {
		if !returned {
			err = &PanicError{Value: recover(), Stack: debug.Stack()}
		}
		run.end()
		then(run.orRefused(err))
	}()
	err = f(ctx, run)
	returned = true
}

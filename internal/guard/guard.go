// Package guard calls the code of executors so that it cannot harm the engine: panics and ended
// goroutines become errors, and goroutines that the code leaves behind cannot save any more.
package guard

import (
	"context"
	"runtime/debug"

	"github.com/cutover-go/cutover/executor"
)

// Run calls f, which is an Execute or Rollback, and returns the result of [executor.End] for its
// error. A panic becomes an *executor.PanicError. f runs in a new goroutine, so that an f that ends
// its goroutine, as a test's FailNow does, does not end the caller's; this becomes an
// *executor.PanicError, too.
//
// Run returns when f has returned. After that no save of run is under way and none reaches its
// recorder.
func Run(ctx context.Context, run *executor.Run, f func(context.Context, *executor.Run) error) error {
	done := make(chan error, 1)
	go Then(ctx, run, f, func(err error) { done <- err })
	return <-done
}

// Then is [Run] without the new goroutine: f runs in the goroutine of the caller, and a deferred
// function calls then, exactly once, with what Run would return. If f ends the goroutine, the
// goroutine ends only after that call.
func Then(ctx context.Context, run *executor.Run, f func(context.Context, *executor.Run) error, then func(error)) {
	var err error
	returned := false
	defer func() {
		if !returned {
			err = &executor.PanicError{Value: recover(), Stack: debug.Stack()}
		}
		then(executor.End(run, err))
	}()
	err = f(ctx, run)
	returned = true
}

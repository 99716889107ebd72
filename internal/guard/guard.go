// Package guard runs the code of executors so that nothing it does harms the engine: panics and
// ended goroutines become errors, and what the code leaves behind saves nothing any more.
package guard

import (
	"context"
	"runtime/debug"

	"github.com/cutover-go/cutover/executor"
)

// Run runs f, which is an Execute or Rollback, and returns what [executor.End] makes of its
// error. A panic comes back as an *executor.PanicError. f has a goroutine of its own, so that
// one which ends its goroutine, as a test's FailNow does, harms nobody either.
//
// Run returns when f has. After that no save of run is under way and none reaches its recorder.
func Run(ctx context.Context, run *executor.Run, f func(context.Context, *executor.Run) error) error {
	done := make(chan error, 1)
	go Then(ctx, run, f, func(err error) { done <- err })
	return <-done
}

// Then is [Run] for a caller that has a goroutine to spare: f runs in the calling one, and then
// is called exactly once, with what Run would return, from a deferred function. If f ends its
// goroutine, the caller's ends with it once then has returned.
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

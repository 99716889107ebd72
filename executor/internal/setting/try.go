package setting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/executor"
)

// Try is how long a call of a service may take, and how often it is tried within one attempt of the
// task.
type Try struct {
	Timeout time.Duration
	Retry   executor.Retry
}

// Do calls f as often as t.Retry allows, each time as [Try.Once] does. step names the step in
// failures.
func (t Try) Do(ctx context.Context, step string, f func(context.Context) error) error {
	return t.Retry.Do(ctx, func(int) error { return t.Once(ctx, step, f) })
}

// Once calls f within t.Timeout. The error of an ended context gets the cause, or the code of a
// step that took too long, unless it has a code already.
func (t Try) Once(ctx context.Context, step string, f func(context.Context) error) error {
	timed, cancel := context.WithTimeoutCause(ctx, t.Timeout,
		executor.Retryable(executor.CodeStepTimeout, fmt.Errorf("%s took longer than %s", step, t.Timeout)))
	defer cancel()
	err := f(timed)
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	var coded *executor.Error
	if cause := context.Cause(timed); ended && cause != nil && !errors.Is(err, cause) && !errors.As(err, &coded) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

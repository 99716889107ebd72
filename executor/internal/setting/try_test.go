package setting_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/internal/setting"
)

// TestTry lets a call end in every way. Only a call that took too long, or a retryable failure, is
// tried again; the caller's own end is no failure of the step.
func TestTry(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	waits := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, c := range map[string]struct {
		call  func(context.Context) error
		ends  error // the cause with which the caller's context ends after 90 s, nil for never
		is    error
		code  string
		calls int
	}{
		"well":                      {call: func(context.Context) error { return nil }, calls: 1},
		"refused":                   {call: func(context.Context) error { return refused }, is: refused, code: executor.CodeExecutorFailed, calls: 1},
		"too long":                  {call: waits, is: context.DeadlineExceeded, code: executor.CodeStepTimeout, calls: 3},
		"too long, with its code":   {call: func(ctx context.Context) error { return executor.Fail("OWN", waits(ctx)) }, is: context.DeadlineExceeded, code: "OWN", calls: 1},
		"the caller's context ends": {call: waits, ends: executor.ErrShutdown, is: executor.ErrShutdown, code: executor.CodeExecutorFailed, calls: 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if c.ends != nil {
				time.AfterFunc(90*time.Second, func() { cancel(c.ends) })
			}
			calls := 0
			try := setting.Try{Timeout: time.Minute, Retry: executor.Retry{Attempts: 3, First: time.Second}}
			err := try.Do(ctx, "STEP", func(ctx context.Context) error { calls++; return c.call(ctx) })
			if calls != c.calls || !errors.Is(err, c.is) {
				t.Errorf("%s: %d calls, %v", name, calls, err)
			}
			if c.code != "" && executor.FailureOf(err, time.Time{}, 1, "").ErrorCode != c.code {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

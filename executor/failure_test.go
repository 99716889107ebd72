package executor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

func TestFailureOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 11, 22, 10, 15, 30, 0, time.UTC)
	boom := errors.New("Gateway API timeout")
	for name, c := range map[string]struct {
		err  error
		want task.FailureInfo // the test fills in reason, timestamp and attempt
	}{
		"plain":            {boom, task.FailureInfo{ErrorCode: "EXECUTOR_FAILED", Step: "LAST"}},
		"coded":            {executor.Fail("GATEWAY_REFUSED", boom), task.FailureInfo{ErrorCode: "GATEWAY_REFUSED", Step: "LAST"}},
		"retryable":        {executor.Retryable("GATEWAY_TIMEOUT", boom), task.FailureInfo{ErrorCode: "GATEWAY_TIMEOUT", Step: "LAST", Retryable: true}},
		"wrapped":          {fmt.Errorf("it: %w", executor.Retryable("X", boom)), task.FailureInfo{ErrorCode: "X", Step: "LAST", Retryable: true}},
		"joined":           {errors.Join(boom, executor.Retryable("X", boom)), task.FailureInfo{ErrorCode: "X", Step: "LAST", Retryable: true}},
		"own step":         {&executor.Error{Code: "X", Step: "MINE", Err: boom}, task.FailureInfo{ErrorCode: "X", Step: "MINE"}},
		"no code":          {&executor.Error{Step: "MINE", Retryable: true, Err: boom}, task.FailureInfo{ErrorCode: "EXECUTOR_FAILED", Step: "MINE", Retryable: true}},
		"code beats cause": {executor.Fail("X", executor.ErrTimeout), task.FailureInfo{ErrorCode: "X", Step: "LAST"}},
		"panic":            {&executor.PanicError{Value: 1}, task.FailureInfo{ErrorCode: "EXECUTOR_PANIC", Step: "LAST"}},
		"too large":        {&checkpoint.TooLargeError{}, task.FailureInfo{ErrorCode: "CHECKPOINT_TOO_LARGE", Step: "LAST"}},
		"invalid":          {fmt.Errorf("%w: no", checkpoint.ErrInvalid), task.FailureInfo{ErrorCode: "CHECKPOINT_INVALID", Step: "LAST"}},
		"corrupt":          {fmt.Errorf("%w: no", checkpoint.ErrCorrupt), task.FailureInfo{ErrorCode: "CHECKPOINT_INVALID", Step: "LAST"}},
		"timeout":          {fmt.Errorf("%w: %w", executor.ErrTimeout, context.Canceled), task.FailureInfo{ErrorCode: "TASK_TIMEOUT", Step: "LAST", Retryable: true}},
		"stalled":          {executor.ErrStalled, task.FailureInfo{ErrorCode: "TASK_STALLED", Step: "LAST", Retryable: true}},
		"code alone":       {executor.Fail("X", nil), task.FailureInfo{ErrorCode: "X", Step: "LAST"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Reason, c.want.Timestamp, c.want.Attempt = c.err.Error(), now, 2
			if got := executor.FailureOf(c.err, now, 2, "LAST"); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestFailureOfIsScenarioFour(t *testing.T) {
	t.Parallel()
	got := executor.FailureOf(executor.Retryable("GATEWAY_TIMEOUT", errors.New("Gateway API timeout")), time.Time{}, 1, "")
	if got.Reason != "Gateway API timeout" || got.ErrorCode != "GATEWAY_TIMEOUT" {
		t.Errorf("got %+v", got)
	}
}

func TestFailureTextsAreClipped(t *testing.T) {
	t.Parallel()
	got := executor.FailureOf(executor.Fail(strings.Repeat("C", 1000), errors.New(strings.Repeat("r", 10000))), time.Time{}, 1, "")
	if len(got.Reason) != task.MaxReason || len(got.ErrorCode) != task.MaxCode {
		t.Errorf("reason of %d bytes, code of %d", len(got.Reason), len(got.ErrorCode))
	}
}

func TestStopErrorsAreMatchedWrappedOrNot(t *testing.T) {
	t.Parallel()
	for text, stop := range map[string]*executor.StopError{
		"executor: stopped: pause":    {Stop: task.StopPause},
		"executor: stopped: cancel":   {Stop: task.StopCancel, Shutdown: true},
		"executor: stopped: shutdown": {Shutdown: true},
	} {
		err := fmt.Errorf("cleaning up: %w", stop)
		if !errors.Is(err, executor.ErrStopped) || errors.Is(err, executor.ErrLost) || stop.Error() != text {
			t.Errorf("%v is not %q, or not matched", err, text)
		}
	}
}

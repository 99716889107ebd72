package executor

import (
	"errors"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/task"
)

// Codes of failures to which no [*Error] gives a code. Like all codes they never change.
const (
	// CodeExecutorFailed is the code of any error for which [FailureOf] knows no other.
	CodeExecutorFailed = "EXECUTOR_FAILED"
	// CodeCheckpointInvalid is the code of a checkpoint or undo entry that cannot be stored, or
	// that this version of the executor cannot read.
	CodeCheckpointInvalid = "CHECKPOINT_INVALID"
)

// Error is a failure with its code, its step and whether to retry. Create one with [Fail] or
// [Retryable].
type Error struct {
	// Code is stable and made for programs, for instance GATEWAY_TIMEOUT.
	Code string
	// Step is the step that failed. Default: the step of the last checkpoint.
	Step string
	// Retryable reports that the same work may succeed if it is tried again.
	Retryable bool
	// RetryAfter is the minimum wait before the next try, as requested by a service. Default 0: the
	// wait is that of [Retry]. It has no effect unless Retryable is set.
	RetryAfter time.Duration
	// Err is the cause. Its message is shown to operators as the reason of the failure.
	Err error
}

// Error returns the message of the cause, or the code if there is no cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Fail returns err as a failure with a code. Trying again does not help.
func Fail(code string, err error) error { return &Error{Code: code, Err: err} }

// Retryable returns err as a failure with a code. Trying again may help.
func Retryable(code string, err error) error { return &Error{Code: code, Retryable: true, Err: err} }

// FailureOf returns the description of err to store. err is the failure of an attempt at time now.
// The code, and whether to retry, come from the first [*Error] in err's tree that has a code; an
// *Error around it may add the step, and may make the failure retryable. If no *Error has a code,
// the kind of err determines both, in this order:
//
//	err is                                   code                   retryable
//	*PanicError                              EXECUTOR_PANIC         no
//	checkpoint.ErrTooLarge                   CHECKPOINT_TOO_LARGE   no
//	checkpoint.ErrInvalid, ErrCorrupt,
//	ErrVersion                               CHECKPOINT_INVALID     no
//	ErrTimeout                               TASK_TIMEOUT           yes
//	ErrStalled                               TASK_STALLED           yes
//	anything else                            EXECUTOR_FAILED        no
//
// If no *Error names the step, it is lastStep, the step of the last checkpoint.
func FailureOf(err error, now time.Time, attempt int, lastStep string) task.FailureInfo {
	e := classify(err)
	info := task.FailureInfo{
		Reason:    err.Error(),
		ErrorCode: e.Code,
		Timestamp: now,
		Step:      e.Step,
		Attempt:   attempt,
		Retryable: e.Retryable,
	}
	if info.Step == "" {
		info.Step = lastStep
	}
	return info.Clip()
}

// classify returns err as an Error with a code.
func classify(err error) Error {
	e := Error{Err: err}
	var known *Error
	for rest := err; rest != nil && e.Code == "" && errors.As(rest, &known); rest = known.Err {
		e.Code, e.Retryable = known.Code, e.Retryable || known.Retryable
		e.RetryAfter = max(e.RetryAfter, known.RetryAfter)
		if e.Step == "" {
			e.Step = known.Step
		}
	}
	if e.Code == "" {
		e.Code = CodeExecutorFailed
		e.uncoded(err)
	}
	return e
}

// uncoded sets the code, and whether to retry, from the kind of err.
func (e *Error) uncoded(err error) {
	var panicked *PanicError
	switch {
	case errors.As(err, &panicked):
		e.Code = task.CodeExecutorPanic
	case errors.Is(err, checkpoint.ErrTooLarge):
		e.Code = task.CodeCheckpointTooLarge
	case errors.Is(err, checkpoint.ErrInvalid), errors.Is(err, checkpoint.ErrCorrupt), errors.Is(err, checkpoint.ErrVersion):
		e.Code = CodeCheckpointInvalid
	case errors.Is(err, ErrTimeout):
		e.Code, e.Retryable = task.CodeTaskTimeout, true
	case errors.Is(err, ErrStalled):
		e.Code, e.Retryable = task.CodeTaskStalled, true
	}
}

// hasCode reports whether an [*Error] in err's tree has a code.
func hasCode(err error) bool {
	var known *Error
	for errors.As(err, &known) && known.Code == "" {
		err, known = known.Err, nil
	}
	return known != nil
}

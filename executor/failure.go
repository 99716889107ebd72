package executor

import (
	"errors"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/task"
)

// Codes for failures that nobody gave a code. Like all codes they never change.
const (
	// CodeExecutorFailed stands for an error without a code.
	CodeExecutorFailed = "EXECUTOR_FAILED"
	// CodeCheckpointInvalid stands for a checkpoint or undo entry that cannot be
	// stored, or cannot be read by this version of the executor.
	CodeCheckpointInvalid = "CHECKPOINT_INVALID"
)

// Error is a failure with what people and programs want to know of it. Make one
// with [Fail] or [Retryable].
type Error struct {
	// Code is stable and made for programs, for instance GATEWAY_TIMEOUT.
	Code string
	// Step is the step that failed. Default: the step of the last checkpoint.
	Step string
	// Retryable says that the same work may well succeed if it is tried again.
	Retryable bool
	// RetryAfter is how long to wait at least before it is tried again: a service
	// asked for that. Default 0: as [Retry] says. It counts if Retryable is set.
	RetryAfter time.Duration
	// Err is the cause. Its text is what people read as the reason.
	Err error
}

// Error returns the text of the cause, or the code if there is none.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Fail returns err as a failure with a code that trying again will not heal.
func Fail(code string, err error) error { return &Error{Code: code, Err: err} }

// Retryable returns err as a failure with a code that may be gone when the work
// is tried again.
func Retryable(code string, err error) error { return &Error{Code: code, Retryable: true, Err: err} }

// FailureOf returns what is kept of err, the failure of an attempt at time now.
// The first [*Error] in err's tree that has a code gives it and whether to retry;
// one around it may add the step. Without a code it comes from what else is known,
// in this order:
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
// lastStep, the step of the last checkpoint, stands in for the step.
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

// uncoded fills in what the kind of err tells.
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

// hasCode reports whether somebody gave err a code.
func hasCode(err error) bool {
	var known *Error
	for errors.As(err, &known) && known.Code == "" {
		err, known = known.Err, nil
	}
	return known != nil
}

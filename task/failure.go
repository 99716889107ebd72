package task

import (
	"time"

	"github.com/cutover-go/cutover/checkpoint"
)

// The error codes that the engine itself gives. Executors choose their own.
const (
	CodeExecutorPanic       = "EXECUTOR_PANIC"
	CodeTaskTimeout         = "TASK_TIMEOUT"
	CodeTaskStalled         = "TASK_STALLED"
	CodeWorkerLost          = "WORKER_LOST"
	CodeCheckpointTooLarge  = "CHECKPOINT_TOO_LARGE"
	CodeRollbackUnsupported = "ROLLBACK_UNSUPPORTED"
	CodeRollbackStopped     = "ROLLBACK_STOPPED"
	CodeTenantHeld          = "TENANT_HELD"
	CodeTenantMovedOn       = "TENANT_MOVED_ON"
	CodeInternal            = "INTERNAL"
)

// Bounds of a FailureInfo's texts, in bytes; longer ones are cut. A step's name is
// cut to checkpoint.MaxStepName.
const (
	MaxReason = 2048
	MaxCode   = 64
)

// FailureInfo is what is kept of a failure for the people who look at it.
type FailureInfo struct {
	// Reason is the error's text, at most [MaxReason] bytes.
	Reason string
	// ErrorCode is stable and made for programs, for instance GATEWAY_TIMEOUT.
	ErrorCode string
	// Timestamp is when the failure was noticed.
	Timestamp time.Time
	// Step is the step that failed, if the executor said so, or the last saved.
	Step string
	// Attempt is the attempt that failed.
	Attempt int
	// Retryable says that the same work may well succeed if it is tried again.
	Retryable bool
}

// RollbackStopped returns what is kept of an undo that ended because its rollback was canceled,
// or its worker was stopped. step is the last that was saved.
func RollbackStopped(attempt int, step string, now time.Time) *FailureInfo {
	return &FailureInfo{
		Reason: "the rollback was cancelled", ErrorCode: CodeRollbackStopped,
		Timestamp: now, Step: step, Attempt: attempt, Retryable: true,
	}
}

// Clip returns f with its texts made valid UTF-8 and cut to their bounds.
func (f FailureInfo) Clip() FailureInfo {
	f.Reason = Cut(f.Reason, MaxReason)
	f.ErrorCode = Cut(f.ErrorCode, MaxCode)
	f.Step = Cut(f.Step, checkpoint.MaxStepName)
	return f
}

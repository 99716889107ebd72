package task

import (
	"time"

	"github.com/cutover-go/cutover/checkpoint"
)

// The error codes of failures that the engine itself finds. Executors choose their own.
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

// Bounds of the strings of a FailureInfo, in bytes; longer strings are cut. The name of a step is
// cut to checkpoint.MaxStepName.
const (
	MaxReason = 2048
	MaxCode   = 64
)

// FailureInfo is the record of a failure.
type FailureInfo struct {
	// Reason is the error's message, at most [MaxReason] bytes.
	Reason string
	// ErrorCode is a stable code for programs, for instance GATEWAY_TIMEOUT.
	ErrorCode string
	// Timestamp is when the failure was noticed.
	Timestamp time.Time
	// Step is the step that failed, if the executor named it, otherwise the last saved step.
	Step string
	// Attempt is the attempt that failed.
	Attempt int
	// Retryable reports that the same work may well succeed if it is tried again.
	Retryable bool
}

// RollbackStopped returns the record of an undo that ended without an outcome because its rollback
// was canceled. step is the last saved step.
func RollbackStopped(attempt int, step string, now time.Time) *FailureInfo {
	return &FailureInfo{
		Reason: "the rollback was cancelled", ErrorCode: CodeRollbackStopped,
		Timestamp: now, Step: step, Attempt: attempt, Retryable: true,
	}
}

// Clip returns f with its strings made valid UTF-8 and cut to their bounds.
func (f FailureInfo) Clip() FailureInfo {
	f.Reason = Cut(f.Reason, MaxReason)
	f.ErrorCode = Cut(f.ErrorCode, MaxCode)
	f.Step = Cut(f.Step, checkpoint.MaxStepName)
	return f
}

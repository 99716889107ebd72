package task

import (
	"fmt"
	"strings"
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

// heldBy returns the reason of a task that is skipped because the task holder, of another plan,
// works on the tenant; 0 if that is not known.
func heldBy(holder ID) string {
	if holder == 0 {
		return "another plan worked on the tenant when the plan was started"
	}
	return fmt.Sprintf("plan %s worked on the tenant when the plan was started (task %s)", holder.Plan(), holder)
}

// Holder returns the task of another plan that f names, because it worked on the tenant when a plan
// that skips such tenants was started. Returns 0 if f, which may be nil, names none.
func (f *FailureInfo) Holder() ID {
	if f == nil || f.ErrorCode != CodeTenantHeld {
		return 0
	}
	_, named, _ := strings.Cut(f.Reason, " (task ")
	holder, err := ParseID(strings.TrimSuffix(named, ")"))
	if err != nil || f.Reason != heldBy(holder) {
		return 0
	}
	return holder
}

// WithoutHolder returns f without the name of its Holder, for those who may not know of that plan.
func (f *FailureInfo) WithoutHolder() *FailureInfo {
	if f.Holder() == 0 {
		return f
	}
	discreet := *f
	discreet.Reason = heldBy(0)
	return &discreet
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

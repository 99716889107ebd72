package task

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrIllegal is matched by every *IllegalError.
var ErrIllegal = errors.New("task: illegal transition")

// IllegalError is the error of a command that does not apply to a task as it is. It matches
// [ErrIllegal].
type IllegalError struct {
	ID    ID
	Cause Cause
	// State is the state found.
	State State
	// Why adds what the state alone does not show; may be empty.
	Why string
}

func (e *IllegalError) Error() string {
	msg := fmt.Sprintf("task %s: %s does not apply in state %s", e.ID, e.Cause, e.State)
	if e.Why != "" {
		msg += ": " + e.Why
	}
	return msg
}

// Is reports whether target is [ErrIllegal].
func (e *IllegalError) Is(target error) bool { return target == ErrIllegal }

// Edit is the change of one task by a command, decided from the task at Version. It does not change
// the checkpoint or the undo log except to drop them, because a worker may be saving at the same
// moment.
type Edit struct {
	ID      ID
	Version uint64
	// Cause is why the task changes; the event of the change shows it.
	Cause Cause
	Control
	// Release takes the task from the worker that holds it.
	Release        bool
	DropCheckpoint bool
	DropUndo       bool
	// Attempts, if not nil, take the place of the task's.
	Attempts []Attempt
}

// move returns the edit that moves t to the next state by cause.
func (t Task) move(cause Cause) (Edit, error) {
	next, ok := t.State.Next(cause)
	if !ok {
		return Edit{}, &IllegalError{ID: t.ID, Cause: cause, State: t.State}
	}
	e := t.edit(cause)
	e.State = next
	return e, nil
}

func (t Task) edit(cause Cause) Edit {
	return Edit{ID: t.ID, Version: t.Version, Cause: cause, Control: t.Control}
}

// RetryFrom is where the next attempt of a task begins.
type RetryFrom uint8

// Where a retry begins.
const (
	// FromCheckpoint passes the saved checkpoint to the executor.
	FromCheckpoint RetryFrom = iota
	// FromScratch drops the checkpoint. The undo log stays.
	FromScratch
)

func (f RetryFrom) String() string {
	if int(f) < len(retryNames) {
		return retryNames[f]
	}
	return fmt.Sprintf("RetryFrom(%d)", uint8(f))
}

// Retry starts the next attempt. Unless the caller makes the task exempt, it does not start if its
// plan stops before a worker takes it.
func (t Task) Retry(from RetryFrom, now time.Time) (Edit, error) {
	e, err := t.move(ByRetry)
	if err != nil {
		return Edit{}, err
	}
	e.Attempt++
	e.PausedIndividually, e.Losses, e.Failure = false, 0, nil
	e.Request, e.Wait, e.Elapsed = StartRequest, Wait{}, 0
	e.RetriedAt = now
	e.DropCheckpoint = from == FromScratch
	return e, nil
}

// Wake ends the backoff of a task that waits for its next attempt: the attempt begins as soon as a
// worker claims the task.
func (t Task) Wake(from RetryFrom, now time.Time) (Edit, error) {
	if t.State != Running || t.Worker != "" || t.Wait.Why != WaitBackoff {
		return Edit{}, &IllegalError{ID: t.ID, Cause: ByRetry, State: t.State, Why: "it does not wait for an attempt"}
	}
	e := t.edit(ByRetry)
	e.Wait, e.RetriedAt = Wait{}, now
	e.DropCheckpoint = from == FromScratch
	return e, nil
}

// Exempt makes a running task, which no worker holds, run although its plan is stopped.
func (t Task) Exempt(now time.Time) (Edit, error) {
	if t.State != Running || t.Worker != "" {
		return Edit{}, &IllegalError{ID: t.ID, Cause: ByRetry, State: t.State, Why: "only what runs without a worker is made exempt"}
	}
	e := t.edit(ByRetry)
	e.Request, e.RetriedAt = ExemptRequest, now
	return e, nil
}

// Resume continues a paused task, or withdraws a pause or cancel that has not taken effect.
func (t Task) Resume() (Edit, error) {
	if t.State == Running && t.Request.Stop() != Go {
		e := t.edit(ByResume)
		e.Request = NoRequest
		return e, nil
	}
	e, err := t.move(ByResume)
	if err != nil {
		return Edit{}, err
	}
	e.PausedIndividually = false
	return e, nil
}

// Pause stops one running task: at once if no worker holds it, otherwise by a
// request that takes effect at its next boundary.
func (t Task) Pause() (Edit, error) {
	if t.State == Running && t.Worker != "" {
		e := t.edit(ByPause)
		if e.Request.Stop() == Go {
			e.Request = PauseRequest
		}
		return e, nil
	}
	e, err := t.move(ByPause)
	if err != nil {
		return Edit{}, err
	}
	e.Request, e.PausedIndividually = NoRequest, true
	return e, nil
}

// Cancel ends one task: at once if no worker holds it, otherwise by a request
// that takes effect at its next boundary.
func (t Task) Cancel() (Edit, error) {
	if t.State == Running && t.Worker != "" {
		e := t.edit(ByCancel)
		e.Request = CancelRequest
		return e, nil
	}
	e, err := t.move(ByCancel)
	if err != nil {
		return Edit{}, err
	}
	e.Request, e.PausedIndividually, e.Wait = NoRequest, false, Wait{}
	return e, nil
}

// Skip decides that the task is not to be done, or its undo not to be finished.
func (t Task) Skip() (Edit, error) {
	e, err := t.move(BySkip)
	if err != nil {
		return Edit{}, err
	}
	e.Failure = nil
	return e, nil
}

// SkipHeld skips a pending task because another plan works on its tenant, by the task holder, 0 if
// that is not known. The task keeps that as its Failure.
func (t Task) SkipHeld(holder ID, now time.Time) (Edit, error) {
	if t.State != Pending {
		return Edit{}, &IllegalError{ID: t.ID, Cause: BySkip, State: t.State, Why: "only a pending task is skipped because its tenant is held"}
	}
	e, err := t.move(BySkip)
	if err != nil {
		return Edit{}, err
	}
	e.Failure = t.failure(CodeTenantHeld, heldBy(holder), now)
	return e, nil
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

// Rollback starts the undo of a task that has run.
func (t Task) Rollback() (Edit, error) {
	e, err := t.move(ByRollback)
	if err != nil {
		return Edit{}, err
	}
	if t.Attempt < 1 {
		return Edit{}, &IllegalError{ID: t.ID, Cause: ByRollback, State: t.State, Why: "it never ran"}
	}
	e.PausedIndividually, e.Losses = false, 0
	e.Wait, e.Elapsed = Wait{}, 0
	return e, nil
}

// Halt applies the stop in force, the plan's or the task's own, to a running task that no worker
// holds.
func (t Task) Halt(plan Stop) (Edit, error) {
	cause := ByPause
	switch t.StopFor(plan) {
	case StopCancel:
		cause = ByCancel
	case StopPause:
	case Go:
		return Edit{}, &IllegalError{ID: t.ID, Cause: ByPause, State: t.State, Why: "nothing asks it to stop"}
	}
	if t.State != Running || t.Worker != "" {
		return Edit{}, &IllegalError{ID: t.ID, Cause: cause, State: t.State, Why: "only what runs without a worker is halted"}
	}
	e, err := t.move(cause)
	if err != nil {
		return Edit{}, err
	}
	e.PausedIndividually = t.Request == PauseRequest && cause == ByPause
	e.Request = NoRequest
	if cause == ByCancel {
		e.Wait = Wait{}
	}
	return e, nil
}

// StopUndo ends the undo of a task that no worker holds, because its rollback was canceled.
func (t Task) StopUndo(now time.Time) (Edit, error) {
	if t.State == RollingBack && t.Worker != "" {
		return Edit{}, &IllegalError{ID: t.ID, Cause: ByUndoFailure, State: t.State, Why: "a worker is at it"}
	}
	e, err := t.move(ByUndoFailure)
	if err != nil {
		return Edit{}, err
	}
	e.Failure, e.Wait = RollbackStopped(t.Attempt, t.lastStep(), now), Wait{}
	e.Attempts = t.Tried(e.Failure)
	return e, nil
}

// failure returns the record of a failure that no executor reported.
func (t Task) failure(code, reason string, now time.Time) *FailureInfo {
	return &FailureInfo{
		Reason: reason, ErrorCode: code, Timestamp: now, Step: t.lastStep(), Attempt: t.Attempt, Retryable: true,
	}
}

// lastStep returns the step of the checkpoint, "" if there is none.
func (t Task) lastStep() string {
	if t.Checkpoint == nil {
		return ""
	}
	return t.Checkpoint.Step
}

// Lose takes the task from a worker that is gone. The attempt stays the same: a crash does not use
// up an attempt. A task that loses its worker more than limit times without a new checkpoint in
// between fails.
func (t Task) Lose(limit int, now time.Time) Edit {
	e := t.edit(ByFailure)
	e.Release = true
	e.Losses++
	if e.Losses <= limit {
		return e
	}
	cause := ByFailure
	if t.State == RollingBack {
		cause = ByUndoFailure
	}
	if next, ok := t.State.Next(cause); ok {
		e.Cause, e.State, e.Request, e.Wait = cause, next, NoRequest, Wait{}
		reason := fmt.Sprintf("its worker was lost %d times without a new checkpoint", e.Losses)
		e.Failure = t.failure(CodeWorkerLost, reason, now)
		e.Attempts = t.Tried(e.Failure)
	}
	return e
}

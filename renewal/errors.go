package renewal

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors to match with errors.Is; see the package comment for the situations.
var (
	ErrInvalid      = errors.New("renewal: invalid")
	ErrDuplicateID  = errors.New("renewal: task id is taken")
	ErrTooManyTasks = errors.New("renewal: too many tasks")
	ErrNotRunning   = errors.New("renewal: service is not running")
	ErrStopped      = errors.New("renewal: service was run and has stopped")
	ErrRunning      = errors.New("renewal: service is already running")
	ErrUnknownTask  = errors.New("renewal: unknown task")
	ErrHeld         = errors.New("renewal: lock is held")
	ErrLost         = errors.New("renewal: key is lost")
	ErrMissing      = errors.New("renewal: key does not exist")
	ErrForeignOwner = errors.New("renewal: key holds another owner's token")
	ErrDeadline     = errors.New("renewal: no successful refresh in time, the key may have expired")
	ErrWrongType    = errors.New("renewal: key is not a string and cannot hold an owner's token")
	ErrEnded        = errors.New("renewal: task has ended")
	ErrBudget       = errors.New("renewal: function of the host exceeded its time budget")
	ErrInCallback   = errors.New("renewal: cannot wait for a task inside its own callback or policy")
	// ErrNotPermitted: the Redis user may not run commands that are needed, or use the key.
	ErrNotPermitted = errors.New("renewal: the Redis user has too few permissions")
	// ErrEviction: the server has a memory limit and may drop locks to make room.
	ErrEviction   = errors.New("renewal: redis may drop locks")
	ErrUnfinished = errors.New("renewal: functions of the host are still running")
)

// InvalidError lists every fault of a task or of a configuration. Nothing has been
// registered or started. It matches ErrInvalid and whatever its faults match.
type InvalidError struct {
	What   string // "task deploy-42", "configuration"
	Faults []error
}

func (e *InvalidError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, fault := range e.Faults {
		texts[i] = strings.TrimPrefix(fault.Error(), "renewal: ")
	}
	return fmt.Sprintf("renewal: invalid %s: %s", e.What, strings.Join(texts, "; "))
}

// Is matches ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Unwrap returns the faults.
func (e *InvalidError) Unwrap() []error { return e.Faults }

// LostError says which key was lost, and why: ErrMissing, ErrForeignOwner or
// ErrDeadline. It matches ErrLost and the cause.
type LostError struct {
	Key   string
	Cause error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("renewal: key %q is lost: %s", e.Key, strings.TrimPrefix(e.Cause.Error(), "renewal: "))
}

// Is matches ErrLost.
func (e *LostError) Is(target error) bool { return target == ErrLost }

func (e *LostError) Unwrap() error { return e.Cause }

// EndedError says why a task is not there any more. It matches ErrEnded and, for a
// lost task, what the LostError matches.
type EndedError struct {
	ID     string
	Reason Reason
	Cause  error // the last error, if there was one
}

func (e *EndedError) Error() string {
	return fmt.Sprintf("renewal: task %s has ended: %s", e.ID, e.Reason)
}

// Is matches ErrEnded.
func (e *EndedError) Is(target error) bool { return target == ErrEnded }

// Unwrap returns the cause, unless it is the loss of a key that was not the end.
func (e *EndedError) Unwrap() error {
	if e.Reason != ReasonLost && errors.Is(e.Cause, ErrLost) {
		return nil
	}
	return e.Cause
}

// HeldError says for how long the present holder's lock lasts, at the moment of the
// attempt. It matches ErrHeld.
type HeldError struct {
	Key  string
	Left time.Duration // below zero: without limit
}

func (e *HeldError) Error() string {
	if e.Left < 0 {
		return fmt.Sprintf("renewal: lock %q is held without limit", e.Key)
	}
	return fmt.Sprintf("renewal: lock %q is held for another %v", e.Key, e.Left)
}

// Is matches ErrHeld.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// PanicError carries what a function of the host panicked with.
type PanicError struct {
	Where string // "callback", "selector", "TTL", "interval", "stop rule", "hook"
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("renewal: panic in %s: %v", e.Where, e.Value)
}

package renewal

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/renewal/internal/backend"
	"github.com/cutover-go/cutover/renewal/internal/hostcall"
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
	ErrWrongType    = backend.ErrWrongType // a key that is not a string holds no token
	ErrEnded        = errors.New("renewal: task has ended")
	ErrBudget       = hostcall.ErrBudget // a host function exceeded Config.UserBudget
	ErrInCallback   = errors.New("renewal: cannot wait for a task inside its own callback or policy")
	// ErrNotPermitted: the Redis user may not run commands that are needed, or use the key.
	ErrNotPermitted = errors.New("renewal: the Redis user has too few permissions")
	// ErrEviction: the server has a memory limit and may drop locks to make room.
	ErrEviction   = errors.New("renewal: redis may evict locks")
	ErrUnfinished = errors.New("renewal: functions of the host are still running")
)

// InvalidError lists every fault of a configuration, a task or a lease. The call that returns it
// registers and starts nothing. It matches ErrInvalid and every error that one of its faults
// matches.
type InvalidError struct {
	What   string // "configuration", "task deploy-42", "lease"
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

// LostError names the key that was lost, and the cause: ErrMissing, ErrForeignOwner or ErrDeadline.
// It matches ErrLost and the cause.
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

// EndedError reports why a task has ended. It matches ErrEnded and, for a lost task, every error
// that its LostError matches.
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

// Unwrap returns the cause, unless the cause is the loss of a key that did not end the task.
func (e *EndedError) Unwrap() error {
	if e.Reason != ReasonLost && errors.Is(e.Cause, ErrLost) {
		return nil
	}
	return e.Cause
}

// HeldError reports that another owner holds the lock, and the remaining TTL of the lock at the
// moment of the attempt. It matches ErrHeld.
type HeldError struct {
	Key  string
	Left time.Duration // negative: without limit
}

func (e *HeldError) Error() string {
	if e.Left < 0 {
		return fmt.Sprintf("renewal: lock %q is held without limit", e.Key)
	}
	return fmt.Sprintf("renewal: lock %q is held for another %v", e.Key, e.Left)
}

// Is matches ErrHeld.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// PanicError holds the value with which a host function panicked.
type PanicError struct {
	Where string // "callback", "selector", "TTL", "interval", "stop rule"
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("renewal: panic in %s: %v", e.Where, e.Value)
}

// PermissionError names the permissions that the Redis user lacks. It matches ErrNotPermitted.
// docs/renewal.md contains an ACL rule to copy.
type PermissionError struct {
	// Commands are the commands that the user may not run. Keys are the keys that the user may not
	// use or, if Redis does not name them, all keys of the call. Both are empty if Redis does not
	// say what it refused.
	Commands []string
	Keys     []string
	Err      error // the error of Redis
}

func (e *PermissionError) Error() string {
	var faults []string
	if len(e.Commands) > 0 {
		faults = append(faults, strings.Join(e.Commands, ", "))
	}
	if len(e.Keys) > 0 {
		faults = append(faults, "keys "+strings.Join(e.Keys, ", "))
	}
	if len(faults) == 0 {
		return fmt.Sprintf("renewal: the Redis user has too few permissions: %v", e.Err)
	}
	return "renewal: the Redis user has no permission for " + strings.Join(faults, "; ")
}

// Is matches ErrNotPermitted.
func (e *PermissionError) Is(target error) bool { return target == ErrNotPermitted }

// Unwrap returns the error of Redis.
func (e *PermissionError) Unwrap() error { return e.Err }

// EvictionError names a server that may evict keys. Acquire acquires no lock on such a server. The
// error matches ErrEviction.
type EvictionError struct {
	Node   string
	Policy string // its maxmemory-policy
	Limit  int64  // its maxmemory in bytes
}

func (e *EvictionError) Error() string {
	return fmt.Sprintf("renewal: redis at %s may evict locks: at maxmemory %d its maxmemory-policy is %s; set it to noeviction",
		e.Node, e.Limit, e.Policy)
}

// Is matches ErrEviction.
func (e *EvictionError) Is(target error) bool { return target == ErrEviction }

// publicError converts the errors of the backend to errors of this package.
func publicError(err error) error {
	var refused *backend.Refused
	var evicts *redisserver.Eviction
	switch {
	case errors.As(err, &refused):
		return &PermissionError{Commands: refused.Commands, Keys: refused.Keys, Err: refused.Err}
	case errors.As(err, &evicts):
		return &EvictionError{Node: evicts.Addr, Policy: evicts.Policy, Limit: evicts.Limit}
	}
	return err
}

// guard calls a host function and returns its error, or a *PanicError if it panicked.
func guard(where string, fn func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Where: where, Value: value, Stack: debug.Stack()}
		}
	}()
	return fn()
}

package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Sentinels to match with errors.Is.
var (
	ErrNotFound     = errors.New("store: not found")
	ErrConflict     = errors.New("store: changed in the meantime")
	ErrFenced       = errors.New("store: the task belongs to another worker")
	ErrTenantHeld   = errors.New("store: tenant held by another plan")
	ErrKeyReused    = errors.New("store: idempotency key used for other content")
	ErrCreating     = errors.New("store: plan is still being created")
	ErrLeaseExpired = errors.New("store: lease expired")
	ErrTrimmed      = errors.New("store: events not kept any more")
	ErrEventsAhead  = errors.New("store: position beyond the newest event")
	ErrCorrupt      = errors.New("store: corrupt")
)

// FencedError is the error for a stale token; it names the worker that holds the task instead. It
// matches [ErrFenced].
type FencedError struct {
	Task task.ID
	// Token is the token that was refused; Newest is the token of the task's last claim.
	Token, Newest task.Token
	// Worker is the worker that holds the task now, empty if none does.
	Worker string
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("store: task %s: token %d is stale, the newest is %d, held by %q", e.Task, e.Token, e.Newest, e.Worker)
}

// Is reports whether target is [ErrFenced].
func (e *FencedError) Is(target error) bool { return target == ErrFenced }

// TenantHeldError names tenants that other plans work on. It matches [ErrTenantHeld].
type TenantHeldError struct {
	// Held are the locks of these tenants.
	Held []TenantLock
}

func (e *TenantHeldError) Error() string {
	if len(e.Held) == 0 {
		return ErrTenantHeld.Error()
	}
	first := e.Held[0]
	msg := fmt.Sprintf("store: tenant %q is held by plan %s", first.Tenant, first.Plan)
	if n := len(e.Held) - 1; n > 0 {
		msg += fmt.Sprintf(", and at least %d more tenants are held", n)
	}
	return msg
}

// Is reports whether target is [ErrTenantHeld].
func (e *TenantHeldError) Is(target error) bool { return target == ErrTenantHeld }

// TrimmedError is the error for events that are not kept any more. It matches [ErrTrimmed].
type TrimmedError struct {
	// First is the sequence number of the oldest event that is kept.
	First int64
}

func (e *TrimmedError) Error() string {
	return fmt.Sprintf("store: events before %d are not kept any more", e.First)
}

// Is reports whether target is [ErrTrimmed].
func (e *TrimmedError) Is(target error) bool { return target == ErrTrimmed }

// EventsAheadError is the error for a position beyond the end of a log. If the reader once read up
// to that position, the store has gone back in time: a backup was restored, or a failover lost
// writes. The store then no longer has the events after Newest that the reader saw, nor the changes
// that they recorded, and new events may take their numbers. It matches [ErrEventsAhead].
type EventsAheadError struct {
	// After is the requested position, Newest the sequence number of the newest event.
	After, Newest int64
}

func (e *EventsAheadError) Error() string {
	return fmt.Sprintf("store: there is no event %d, the newest is %d: the log went back in time", e.After, e.Newest)
}

// Is reports whether target is [ErrEventsAhead].
func (e *EventsAheadError) Is(target error) bool { return target == ErrEventsAhead }

// CorruptError names stored data that makes no sense. It matches [ErrCorrupt].
type CorruptError struct {
	// Key is where the data was found, in the store's own terms.
	Key, Reason string
}

func (e *CorruptError) Error() string { return fmt.Sprintf("store: %s: corrupt: %s", e.Key, e.Reason) }

// Is reports whether target is [ErrCorrupt].
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// TemporaryError wraps a fault that may pass by itself: a broken connection, a server that is
// loading or failing over. It is unknown whether the call took effect; sending it again is safe.
type TemporaryError struct {
	Err error
	// After is how long the store asks the caller to wait before it tries again; 0 if the store
	// does not say.
	After time.Duration
}

func (e *TemporaryError) Error() string { return "store: unavailable for now: " + e.Err.Error() }

// Unwrap returns the fault.
func (e *TemporaryError) Unwrap() error { return e.Err }

// Temporary reports whether err may pass by itself. The caller may then send the call again. A
// canceled context is not temporary, because its owner wants the call to end. An error from a time
// limit of the store itself is temporary, although it looks like the end of a context.
func Temporary(err error) bool {
	if err == nil {
		return false // does not allocate t
	}
	var t *TemporaryError
	return errors.As(err, &t) && !errors.Is(err, context.Canceled)
}

// HeartbeatError is the error of a heartbeat that renewed the lease but could not read the tasks
// held in some plans: their data is damaged, or cannot be reached for now. It matches every error
// that one of its Faults matches.
type HeartbeatError struct {
	// Faults are the errors, by plan.
	Faults map[plan.ID]error
}

func (e *HeartbeatError) Error() string {
	var text strings.Builder
	text.WriteString("store: the lease is renewed, but tasks cannot be read")
	for _, id := range slices.Sorted(maps.Keys(e.Faults)) {
		fmt.Fprintf(&text, "; plan %s: %v", id, e.Faults[id])
	}
	return text.String()
}

// Unwrap returns the faults.
func (e *HeartbeatError) Unwrap() []error { return slices.Collect(maps.Values(e.Faults)) }

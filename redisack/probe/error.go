package probe

import (
	"errors"
	"fmt"
	"time"
)

// ErrEndpoint is matched by every [*Error].
var ErrEndpoint = errors.New("probe: an endpoint gave no usable answer")

// Error says why an endpoint gave no usable answer. It matches [ErrEndpoint].
type Error struct {
	Kind Kind
	// Status is the HTTP status, zero when there was none.
	Status int
	// Permanent means that the endpoint has failed and is not asked again.
	Permanent bool
	// RetryAfter is the minimum time to wait before asking again, if the endpoint named one.
	RetryAfter time.Duration
	// Err is the cause. Its text must not contain secrets.
	Err error
}

func (e *Error) Error() string {
	text := e.Kind.String()
	if e.Status != 0 {
		text += fmt.Sprintf(" %d", e.Status)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes the error match [ErrEndpoint].
func (e *Error) Is(target error) bool { return target == ErrEndpoint }

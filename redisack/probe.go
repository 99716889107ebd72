package redisack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// Prober asks one client what it runs. HTTP is the one that comes with the package.
//
// Probe must end when its context does; one that does not keeps its place among the workers until it returns. An
// error is retried unless it is a *ProbeError that says Permanent. It is called from many goroutines at once.
type Prober interface {
	Probe(ctx context.Context, ep Endpoint, t Target) (Observation, error)
}

// ProberFunc is a function as a Prober.
type ProberFunc func(ctx context.Context, ep Endpoint, t Target) (Observation, error)

// Probe calls the function.
func (f ProberFunc) Probe(ctx context.Context, ep Endpoint, t Target) (Observation, error) {
	return f(ctx, ep, t)
}

// Kind says what was wrong with an endpoint. The numbers are stable.
type Kind uint8

// The kinds of endpoint errors.
const (
	// KindOther is an error of a custom prober or comparer.
	KindOther Kind = 1
	// KindDial means that no connection came to be.
	KindDial Kind = 2
	// KindTLS means that the TLS handshake failed. A certificate that does not fit is permanent.
	KindTLS Kind = 3
	// KindBlocked means that the address is refused by the guard. Permanent.
	KindBlocked Kind = 4
	// KindTimeout means that there was no answer within the attempt's time.
	KindTimeout Kind = 5
	// KindStatus means an HTTP status other than 2xx. 401 and 403 are permanent.
	KindStatus Kind = 6
	// KindOversize means that the body is longer than HTTP.MaxBody.
	KindOversize Kind = 7
	// KindDecode means that the body is not of the expected form.
	KindDecode Kind = 8
	// KindNoVersion means that the body is of the right form but names no version.
	KindNoVersion Kind = 9
	// KindRedirect means a redirect, which is not followed.
	KindRedirect Kind = 10
	// KindPanic means that a prober, extractor or comparer panicked.
	KindPanic Kind = 11
	// KindInstance means that the instance which answered already stands for another endpoint.
	KindInstance Kind = 12
	// KindBroken means that the connection broke before the answer was complete.
	KindBroken Kind = 13
)

func (k Kind) String() string {
	switch k {
	case KindOther:
		return "other"
	case KindDial:
		return "dial"
	case KindTLS:
		return "tls"
	case KindBlocked:
		return "blocked"
	case KindTimeout:
		return "timeout"
	case KindStatus:
		return "status"
	case KindOversize:
		return "oversize"
	case KindDecode:
		return "decode"
	case KindNoVersion:
		return "no version"
	case KindRedirect:
		return "redirect"
	case KindPanic:
		return "panic"
	case KindInstance:
		return "instance"
	case KindBroken:
		return "broken"
	}
	return "none"
}

// MarshalText makes JSON carry the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name; an unknown one is none.
func (k *Kind) UnmarshalText(text []byte) error {
	*k = named(text, KindBroken)
	return nil
}

// ProbeError is why an endpoint gave no usable answer.
type ProbeError struct {
	Kind Kind
	// Status is the HTTP status, if there was one.
	Status int
	// Permanent means that asking again is of no use: the endpoint has failed.
	Permanent bool
	// RetryAfter is the earliest time to ask again, if the endpoint said so.
	RetryAfter time.Duration
	// Err is the cause. Its text must hold no secrets.
	Err error
}

func (e *ProbeError) Error() string {
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
func (e *ProbeError) Unwrap() error { return e.Err }

// Is makes the error match ErrEndpoint.
func (e *ProbeError) Is(target error) bool { return target == ErrEndpoint }

const maxErrorText = 256

// probeError turns any error of a prober into a ProbeError.
func probeError(err error) *ProbeError {
	var pe *ProbeError
	if errors.As(err, &pe) && pe != nil {
		return pe
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &ProbeError{Kind: KindTimeout, Err: err}
	}
	return &ProbeError{Kind: KindOther, Err: err}
}

// panicError is what is left of a panic in the caller's code.
func panicError(value any) *ProbeError {
	return &ProbeError{Kind: KindPanic, Err: errors.New(wire.Clean(fmt.Sprint(value), maxErrorText))}
}

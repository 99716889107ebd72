package redisack

import (
	"errors"
	"fmt"

	"github.com/cutover-go/cutover/redisack/probe"
)

// Sentinels for errors.Is, grouped by the phase in which they occur.
var (
	// ErrInvalid: the input is wrong; see InvalidError.
	ErrInvalid = errors.New("redisack: invalid input")
	// ErrNoEndpoints: the fleet is empty and Policy.AllowEmpty is not set.
	ErrNoEndpoints = errors.New("redisack: the fleet has no endpoints")

	// ErrConflict: another revision is current than Change.IfRev asks for.
	ErrConflict = errors.New("redisack: another revision is current")
	// ErrFenced: a writer with a greater fencing token has written.
	ErrFenced = errors.New("redisack: fenced off by a greater token")
	// ErrVersionReused: the version is current with other content.
	ErrVersionReused = errors.New("redisack: the version is current with other content")
	// ErrWrongType: a key holds another type than it should. Nothing has been written.
	ErrWrongType = errors.New("redisack: a key is of another type")
	// ErrNotPermitted: the Redis user may not run commands that the write, or what follows it, needs. Nothing has been
	// written.
	ErrNotPermitted = errors.New("redisack: the Redis user has too few permissions")
	// ErrEviction: the server has a memory limit and may drop configurations. Nothing has been changed.
	ErrEviction = errors.New("redisack: redis may drop configurations")
	// ErrWriteFailed: Redis did not take the write. Nothing has changed.
	ErrWriteFailed = errors.New("redisack: the write failed")
	// ErrWriteUnknown: the write may have taken effect or not; repeat it with the same WriteID.
	ErrWriteUnknown = errors.New("redisack: the outcome of the write is unknown")
	// ErrWriteLost: the write had taken effect and is gone.
	ErrWriteLost = errors.New("redisack: the write was lost")
	// ErrNotifyFailed: the write took effect, but Redis refused to announce it.
	ErrNotifyFailed = errors.New("redisack: the announcement was refused")

	// ErrTimeout: the time ran out.
	ErrTimeout = errors.New("redisack: not confirmed in time")
	// ErrMismatch: a client runs another version.
	ErrMismatch = errors.New("redisack: a client runs another version")
	// ErrEndpoint: an endpoint gave no usable answer.
	ErrEndpoint = probe.ErrEndpoint
	// ErrRejected: a client refused the configuration.
	ErrRejected = errors.New("redisack: a client rejected the configuration")
	// ErrQuorumImpossible: the fleet has too few members for the quorum.
	ErrQuorumImpossible = errors.New("redisack: too few members for the quorum")
	// ErrSuperseded: a newer write has taken the place of this one.
	ErrSuperseded = errors.New("redisack: superseded by a newer write")
	// ErrCanceled: the caller's context ended the run. The error wraps context.Cause as well.
	ErrCanceled = errors.New("redisack: canceled")
)

// AckError is the error of a run that was not OK. errors.Is matches the sentinel of Result.Reason, and Cause.
type AckError struct {
	// Result is never nil.
	Result *AckResult
	// Cause is what Redis or the context said, if that was the end of it; for ReasonEndpointError the *ProbeError of the
	// first endpoint that has failed.
	Cause error
}

func (e *AckError) Error() string {
	res := e.Result
	text := fmt.Sprintf("redisack: %s %s: %s", res.Target.Key, res.Target.Version, res.Reason)
	if res.Last != 0 && res.Last != res.Reason {
		text += fmt.Sprintf(" (last seen: %s)", res.Last)
	}
	if res.Tally.Members > 0 {
		text += fmt.Sprintf(", %d of %d confirmed", res.Tally.Confirmed, res.Tally.Members)
	}
	if e.Cause != nil {
		return text + ": " + e.Cause.Error()
	}
	if sample := res.sample(); sample != "" {
		text += ": " + sample
	}
	return text
}

// Is matches the sentinel of the reason.
func (e *AckError) Is(target error) bool { return target == e.Result.Reason.info().sentinel }

// Unwrap returns the cause.
func (e *AckError) Unwrap() error { return e.Cause }

// endpointError is the error of one endpoint, made fit for logs.
type endpointError struct {
	text string
	err  *ProbeError
}

func (e *endpointError) Error() string { return e.text }
func (e *endpointError) Unwrap() error { return e.err }

// WriteError is the error of a write that did not leave the key with the wanted content.
type WriteError struct {
	Reason Reason
	// WriteID repeats the write without risk: see Change.WriteID.
	WriteID string
	// Found is what the head named instead; zero when it could not be seen.
	Found Found
	// Err is what Redis or the context said, if anything.
	Err error
}

// Found is the write that was current instead.
type Found struct {
	Rev                   uint64
	Version, WriteID, Sum string
}

func (e *WriteError) Error() string {
	text := e.Reason.info().sentinel.Error()
	if e.Found.Rev > 0 {
		text += fmt.Sprintf(": found version %s, revision %d", e.Found.Version, e.Found.Rev)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Is matches the sentinel of the reason.
func (e *WriteError) Is(target error) bool { return target == e.Reason.info().sentinel }

// Unwrap returns what Redis said.
func (e *WriteError) Unwrap() error { return e.Err }

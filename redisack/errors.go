package redisack

import (
	"fmt"
)

// AckError is the error of a run that was not OK. It matches, with errors.Is, the sentinel of
// Result.Reason and whatever Cause matches.
type AckError struct {
	// Result is never nil.
	Result *AckResult
	// Cause is the error of Redis, or the cause of the context, if that ended the run. For
	// ReasonEndpointError it wraps the *ProbeError of one of the endpoints that have failed.
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

// endpointError is the error of one endpoint, with a text that is safe for logs.
type endpointError struct {
	text string
	err  *ProbeError
}

func (e *endpointError) Error() string { return e.text }
func (e *endpointError) Unwrap() error { return e.err }

// WriteError is the error of a write that failed, or whose outcome is unknown.
type WriteError struct {
	Reason Reason
	// WriteID is the id of the write; a Change with this id repeats the write without risk.
	WriteID string
	// Found is the write that the head names instead; zero if it is not known.
	Found Found
	// Err is the error of Redis or the cause of the context, if there is one.
	Err error
}

// Found describes the write that was current instead of the wanted one.
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

// Unwrap returns Err.
func (e *WriteError) Unwrap() error { return e.Err }

package redisack

import (
	"fmt"
)

// AckError is the error of a run that was not OK. errors.Is matches the sentinel of Result.Reason,
// and Cause.
type AckError struct {
	// Result is never nil.
	Result *AckResult
	// Cause is what Redis or the context said, if that was the end of it; for ReasonEndpointError
	// the *ProbeError of the first endpoint that has failed.
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

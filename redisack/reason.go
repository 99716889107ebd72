package redisack

import (
	"github.com/cutover-go/cutover/redisack/internal/wire"
	"github.com/cutover-go/cutover/redisack/probe"
)

// Reason says why a run ended, or how one of its endpoints stands. The numbers are stable.
type Reason uint8

// The reasons. docs/redisack.md says what to do about each.
const (
	// ReasonConfirmed means that enough endpoints run the wanted write. For an endpoint it means
	// that this endpoint does.
	ReasonConfirmed Reason = 1
	// ReasonTimeout means that the time ran out. AckResult.Last is the last observation.
	ReasonTimeout Reason = 2
	// ReasonMismatch means that an endpoint runs another version. A run ends with it if no attempts
	// are left.
	ReasonMismatch Reason = 3
	// ReasonEndpointError means that an endpoint gave no usable answer. A run ends with it if the
	// error is permanent or no attempts are left.
	ReasonEndpointError Reason = 4
	// ReasonRejected means that a client refused the configuration.
	ReasonRejected Reason = 5
	// ReasonQuorumImpossible means that there are too few members to meet the quorum.
	ReasonQuorumImpossible Reason = 6
	// ReasonSuperseded means that a newer write has taken the place of this one.
	ReasonSuperseded Reason = 7
	// ReasonConflict means that the current revision did not satisfy Change.IfRev.
	ReasonConflict Reason = 8
	// ReasonFenced means that a writer with a greater fencing token has written.
	ReasonFenced Reason = 9
	// ReasonVersionReused means that this version is current with other content.
	ReasonVersionReused Reason = 10
	// ReasonWriteFailed means that Redis did not execute the write. Nothing has changed.
	ReasonWriteFailed Reason = 11
	// ReasonWriteUnknown means that the answer to the write is missing, so that the write may have
	// taken effect or not. Repeat it with the same WriteID.
	ReasonWriteUnknown Reason = 12
	// ReasonWriteLost means that the write took effect and was undone later, for instance by a
	// failover.
	ReasonWriteLost Reason = 13
	// ReasonNotifyFailed means that the write took effect, but Redis refused to announce it.
	ReasonNotifyFailed Reason = 14
	// ReasonNoEndpoints means that the fleet is empty or could not be looked up. Nothing has been
	// written.
	ReasonNoEndpoints Reason = 15
	// ReasonGone means that the endpoint left the fleet, or was replaced.
	ReasonGone Reason = 16
	// ReasonPending means that the endpoint has not confirmed yet: it has not answered, has not
	// matched often enough, or was no longer needed.
	ReasonPending Reason = 17
	// ReasonCanceled means that the caller's context ended the run.
	ReasonCanceled Reason = 18
)

// Class groups the reasons by what a caller has to do.
type Class uint8

// The classes.
const (
	// ClassOK means success.
	ClassOK Class = 1
	// ClassTimeout means that the write was not confirmed in time.
	ClassTimeout Class = 2
	// ClassMismatch means that clients run another version or reject this one, or that a newer
	// write is current.
	ClassMismatch Class = 3
	// ClassEndpoint means that clients gave no usable answer, or that there are too few of them.
	ClassEndpoint Class = 4
	// ClassWrite means that the write or its announcement failed, or that the write was undone.
	ClassWrite Class = 5
	// ClassCaller means that there was no endpoint to ask, or that the caller canceled.
	ClassCaller Class = 6
)

type reasonInfo struct {
	name     string
	class    Class
	sentinel error
}

// info returns the name, class and sentinel of the reason.
func (r Reason) info() reasonInfo {
	switch r {
	case ReasonConfirmed:
		return reasonInfo{"Confirmed", ClassOK, nil}
	case ReasonTimeout:
		return reasonInfo{"Timeout", ClassTimeout, ErrTimeout}
	case ReasonMismatch:
		return reasonInfo{"Mismatch", ClassMismatch, ErrMismatch}
	case ReasonEndpointError:
		return reasonInfo{"EndpointError", ClassEndpoint, probe.ErrEndpoint}
	case ReasonRejected:
		return reasonInfo{"Rejected", ClassMismatch, ErrRejected}
	case ReasonQuorumImpossible:
		return reasonInfo{"QuorumImpossible", ClassEndpoint, ErrQuorumImpossible}
	case ReasonSuperseded:
		return reasonInfo{"Superseded", ClassMismatch, ErrSuperseded}
	case ReasonConflict:
		return reasonInfo{"Conflict", ClassWrite, ErrConflict}
	case ReasonFenced:
		return reasonInfo{"Fenced", ClassWrite, ErrFenced}
	case ReasonVersionReused:
		return reasonInfo{"VersionReused", ClassWrite, ErrVersionReused}
	case ReasonWriteFailed:
		return reasonInfo{"WriteFailed", ClassWrite, ErrWriteFailed}
	case ReasonWriteUnknown:
		return reasonInfo{"WriteUnknown", ClassWrite, ErrWriteUnknown}
	case ReasonWriteLost:
		return reasonInfo{"WriteLost", ClassWrite, ErrWriteLost}
	case ReasonNotifyFailed:
		return reasonInfo{"NotifyFailed", ClassWrite, ErrNotifyFailed}
	case ReasonNoEndpoints:
		return reasonInfo{"NoEndpoints", ClassCaller, ErrNoEndpoints}
	case ReasonGone:
		return reasonInfo{"Gone", ClassEndpoint, nil}
	case ReasonPending:
		return reasonInfo{"Pending", ClassTimeout, nil}
	case ReasonCanceled:
		return reasonInfo{"Canceled", ClassCaller, ErrCanceled}
	}
	return reasonInfo{name: "None"}
}

func (r Reason) String() string { return r.info().name }

// Class returns the class of the reason.
func (r Reason) Class() Class { return r.info().class }

// MarshalText returns the name.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a name. An unknown name yields zero.
func (r *Reason) UnmarshalText(text []byte) error {
	*r = wire.Named(text, ReasonCanceled)
	return nil
}

func (c Class) String() string {
	switch c {
	case ClassOK:
		return "OK"
	case ClassTimeout:
		return "Timeout"
	case ClassMismatch:
		return "Mismatch"
	case ClassEndpoint:
		return "Endpoint"
	case ClassWrite:
		return "Write"
	case ClassCaller:
		return "Caller"
	}
	return "None"
}

package redisack

import (
	"github.com/cutover-go/cutover/redisack/internal/wire"
	"github.com/cutover-go/cutover/redisack/probe"
)

// Reason says why a run, or one endpoint of it, ended as it did. The numbers are stable.
type Reason uint8

// The reasons. docs/redisack.md says what to do about each.
const (
	// ReasonConfirmed means that enough endpoints run the wanted version; of an endpoint, that it
	// does.
	ReasonConfirmed Reason = 1
	// ReasonTimeout means that the time ran out; Last is what was seen last.
	ReasonTimeout Reason = 2
	// ReasonMismatch means that an endpoint answers with another version and has no attempts left.
	ReasonMismatch Reason = 3
	// ReasonEndpointError means that an endpoint gave no usable answer: for good, or at its last
	// attempt.
	ReasonEndpointError Reason = 4
	// ReasonRejected means that a client refused the configuration.
	ReasonRejected Reason = 5
	// ReasonQuorumImpossible means that there are too few members for the quorum, whatever they
	// answer.
	ReasonQuorumImpossible Reason = 6
	// ReasonSuperseded means that a newer write has taken the place of this one.
	ReasonSuperseded Reason = 7
	// ReasonConflict means that another revision was current than Change.IfRev asks for.
	ReasonConflict Reason = 8
	// ReasonFenced means that a writer with a greater fencing token has written.
	ReasonFenced Reason = 9
	// ReasonVersionReused means that this version is current with other content.
	ReasonVersionReused Reason = 10
	// ReasonWriteFailed means that Redis did not take the write. Nothing has changed.
	ReasonWriteFailed Reason = 11
	// ReasonWriteUnknown means that the connection broke: the write may have taken effect or not.
	// Repeat it with the same WriteID.
	ReasonWriteUnknown Reason = 12
	// ReasonWriteLost means that the write had taken effect and is gone, as after a failover.
	ReasonWriteLost Reason = 13
	// ReasonNotifyFailed means that the write took effect, but Redis refused to announce it.
	ReasonNotifyFailed Reason = 14
	// ReasonNoEndpoints means that the fleet is empty. Nothing has been written.
	ReasonNoEndpoints Reason = 15
	// ReasonGone means, of an endpoint, that it left the fleet.
	ReasonGone Reason = 16
	// ReasonPending means, of an endpoint, that it has not answered yet, or was not needed any
	// more.
	ReasonPending Reason = 17
	// ReasonCanceled means that the caller's context ended the run.
	ReasonCanceled Reason = 18
)

// Class folds the reasons into what a caller branches on.
type Class uint8

// The classes.
const (
	// ClassOK is the success.
	ClassOK Class = 1
	// ClassTimeout means that it was not true in time.
	ClassTimeout Class = 2
	// ClassMismatch means that clients run another version, or refuse this one.
	ClassMismatch Class = 3
	// ClassEndpoint means that clients cannot be asked.
	ClassEndpoint Class = 4
	// ClassWrite means that the write itself failed or did not last.
	ClassWrite Class = 5
	// ClassCaller means that the caller asked for nothing, or stopped it.
	ClassCaller Class = 6
)

type reasonInfo struct {
	name     string
	class    Class
	sentinel error
}

// info is the one table of reasons.
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

// Class returns the branch that the reason belongs to.
func (r Reason) Class() Class { return r.info().class }

// MarshalText makes JSON carry the name.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the name; an unknown one is none.
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

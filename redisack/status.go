package redisack

// status is the state of a member, by which it is counted. Only final depends on the order.
type status uint8

const (
	statusPending status = iota // no answer yet, or matches that are not stable yet
	statusBehind
	statusDifferent
	statusErrored
	statusAhead     // failed, unless newer revisions are accepted
	statusRejected  // failed
	statusExhausted // failed: no attempts left after another version or too few matches
	statusBroken    // failed: no attempts left, or a permanent error
	statusConfirmed
	statusGone
)

// failed reports whether a member with this status can no longer confirm.
func (s status) failed() bool {
	return s == statusAhead || s == statusRejected || s == statusExhausted || s == statusBroken
}

// final reports whether a member with this status is no longer asked.
func (s status) final() bool { return s >= statusAhead }

// reason returns the reason that reports show for the status.
func (s status) reason() Reason {
	switch s {
	case statusPending:
		return ReasonPending
	case statusBehind, statusDifferent, statusExhausted:
		return ReasonMismatch
	case statusErrored, statusBroken:
		return ReasonEndpointError
	case statusAhead:
		return ReasonSuperseded
	case statusRejected:
		return ReasonRejected
	case statusConfirmed:
		return ReasonConfirmed
	case statusGone:
		return ReasonGone
	}
	return ReasonPending
}

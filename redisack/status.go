package redisack

// status is how a member counts. The order has no meaning but for final.
type status uint8

const (
	statusPending status = iota // no answer yet, or matches that are not stable yet
	statusBehind
	statusDifferent
	statusErrored
	statusAhead     // failed, unless newer revisions are accepted
	statusRejected  // failed
	statusExhausted // failed: no attempts left, the last answer was another version
	statusBroken    // failed: no attempts left, or a permanent error
	statusConfirmed
	statusGone
)

// failed reports whether the member cannot confirm any more.
func (s status) failed() bool {
	return s == statusAhead || s == statusRejected || s == statusExhausted || s == statusBroken
}

// final reports whether the member is not asked any more.
func (s status) final() bool { return s >= statusAhead }

// reason is what the report says.
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

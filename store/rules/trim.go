package rules

import "github.com/cutover-go/cutover/store"

// Events of tasks are dropped when TrimFrom more than are kept have come together, and trimMost at
// a time, beside as many as were just added.
const (
	TrimFrom = 256
	trimMost = 2 * TrimFrom
)

// TrimUntil returns the last event of which the task events need not be kept, of a plan that keeps
// so many, all if it is not positive. The events of tasks until trimmed are gone; added were just
// added to the log.
func (p *Plan) TrimUntil(trimmed int64, keep, added int) int64 {
	until := p.LastEvent - int64(keep)
	if keep <= 0 || until-trimmed < min(TrimFrom, int64(keep)) {
		return trimmed
	}
	return min(until, trimmed+trimMost+int64(added))
}

// CheckPosition returns nil if the events after a position can be read of a log whose newest event
// is last, and which keeps so many. Otherwise it returns a *store.EventsAheadError or a
// *store.TrimmedError. Which events are kept does not depend on when those before them are dropped.
func CheckPosition(after, last, trimmed int64, keep int) error {
	first := trimmed + 1
	if keep > 0 {
		first = max(first, last-int64(keep)+1)
	}
	switch {
	case after > last:
		return &store.EventsAheadError{After: after, Newest: last}
	case after < first-1:
		return &store.TrimmedError{First: first}
	}
	return nil
}

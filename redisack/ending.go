package redisack

import (
	"context"
	"errors"
)

// errDeadline is the cause with which a run's context ends after Policy.Timeout. It is recognised
// as a timeout.
var errDeadline error = timeUp{}

type timeUp struct{}

func (timeUp) Error() string { return "the time of the run is over" }

// Timeout makes timeUp a timeout like those of package net.
func (timeUp) Timeout() bool { return true }

// ending is how a run ended.
type ending struct {
	reason Reason
	last   Reason // for AckResult.Last; 0 for the last observation
	cause  error
}

// expired distinguishes the end of the run's own time from the end of the caller's context. ctx is
// the context of the run, and has ended.
func expired(ctx context.Context) ending {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errDeadline): // the cause adds nothing to the reason
		return ending{reason: ReasonTimeout}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ending{reason: ReasonTimeout, cause: cause}
	}
	return ending{reason: ReasonCanceled, cause: cause}
}

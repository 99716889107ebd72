package redisack

import (
	"context"
	"errors"
)

// errDeadline is the cause when the run's own time is over. Code that looks for timeouts finds one.
var errDeadline error = timeUp{}

type timeUp struct{}

func (timeUp) Error() string { return "the time of the run is over" }

// Timeout makes it a timeout like those of package net.
func (timeUp) Timeout() bool { return true }

// ending is how a run ended.
type ending struct {
	reason Reason
	last   Reason // what decided it; 0 for what was seen last
	cause  error
}

// expired distinguishes the end of the run's own time from that of the caller's context.
// ctx is the run's, and has ended.
func expired(ctx context.Context) ending {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errDeadline): // says no more than the reason
		return ending{reason: ReasonTimeout}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ending{reason: ReasonTimeout, cause: cause}
	}
	return ending{reason: ReasonCanceled, cause: cause}
}

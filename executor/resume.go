package executor

import (
	"errors"
	"fmt"
	"time"
)

// ResumeError is the error of an executor that has come to a point where it has to wait and does
// not want to keep a worker meanwhile. Create one with [ResumeAfter].
type ResumeError struct {
	// After is how long to wait; 0 or less means that the executor is called again at once.
	After time.Duration
}

func (e *ResumeError) Error() string { return fmt.Sprintf("executor: to be resumed after %s", e.After) }

// ResumeAfter returns an error with which an executor, or its Rollback, asks to be called again
// when the time d has passed, in this process or another. Return it, wrapped or not, after the last
// save. It is no failure: the attempt goes on from the last checkpoint. The task stays RUNNING (or
// ROLLING_BACK) and keeps its slot of the plan's concurrency and its tenant, but no worker, so that
// thousands of tasks can wait at once. A pause or cancel takes effect at once while the task waits.
//
// The wait is at least d by the store's clock. After a crash of the process it may be longer by a
// quarter of a LeaseTTL. Time spent waiting does not count for the plan's TaskTimeout.
//
// If the process crashes after the last save but before the wait is stored, the executor is called
// again without a wait. A [Hold] in the checkpoint tells the two apart.
func ResumeAfter(d time.Duration) error { return &ResumeError{After: d} }

// ResumeIn reports whether err asks for the executor to be called again, see [ResumeAfter], and
// after which time.
func ResumeIn(err error) (after time.Duration, ok bool) {
	var e *ResumeError
	if !errors.As(err, &e) {
		return 0, false
	}
	return max(0, e.After), true
}

// RetryAfter returns how long a service asked to wait before the next try: the longest
// [Error.RetryAfter] in err's tree, 0 if there is none.
func RetryAfter(err error) time.Duration { return classify(err).RetryAfter }

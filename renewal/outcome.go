package renewal

import "time"

// Outcome is what a tick did for one key.
type Outcome uint8

const (
	// Renewed means: the TTL was set, or the key lives longer than it would set and
	// the policy says to leave that alone.
	Renewed Outcome = iota + 1
	// Lost means: the key is missing, holds another owner's token, or its local
	// deadline has passed. Final for the key.
	Lost
	// Failed means: Redis did not answer, or refused. Tried again while time remains.
	Failed
	// Skipped means: a stop rule held, the key was not refreshed.
	Skipped
)

func (o Outcome) String() string {
	switch o {
	case Renewed:
		return "renewed"
	case Lost:
		return "lost"
	case Failed:
		return "failed"
	case Skipped:
		return "skipped"
	default:
		return "unknown"
	}
}

// Reason is why a task ended.
type Reason uint8

const (
	// Live means: the task has not ended.
	Live Reason = iota
	// ReasonDone means: the done signal of a stop rule was closed.
	ReasonDone
	// ReasonDeadline means: the time of a stop rule was reached.
	ReasonDeadline
	// ReasonCount means: the number of renewals of a stop rule was reached.
	ReasonCount
	// ReasonKeyGone means: the key is missing and a stop rule takes that as the end.
	ReasonKeyGone
	// ReasonRule means: the function of a stop rule returned true.
	ReasonRule
	// ReasonLost means: a key was lost; with DropKey, the last one.
	ReasonLost
	// ReasonCanceled means: the host canceled the task.
	ReasonCanceled
	// ReasonShutdown means: the service was stopped.
	ReasonShutdown
)

func (r Reason) String() string {
	switch r {
	case Live:
		return "live"
	case ReasonDone:
		return "done"
	case ReasonDeadline:
		return "deadline reached"
	case ReasonCount:
		return "number of renewals reached"
	case ReasonKeyGone:
		return "key gone"
	case ReasonRule:
		return "stop rule"
	case ReasonLost:
		return "lost"
	case ReasonCanceled:
		return "canceled"
	case ReasonShutdown:
		return "shutdown"
	default:
		return "unknown"
	}
}

// Event is the outcome of one tick for one key, as callbacks get it.
type Event struct {
	ID      string
	Labels  map[string]string // the policy's, not to be changed
	Key     string            // empty if a function or selector failed, before any key
	Outcome Outcome
	Err     error         // of Lost and Failed
	Left    time.Duration // time until the local deadline; 0 if it has passed or is not known
	At      time.Time
}

package renewal

import "time"

// Outcome is the result of a tick for one key.
type Outcome uint8

const (
	// Renewed means that the TTL was set, or that the policy left a longer TTL, or the absence of a
	// TTL, unchanged (KeepLonger, KeepPersistent).
	Renewed Outcome = iota + 1
	// Lost means that the key is missing, holds another owner's token, or is past its local
	// deadline. It is the last outcome of the key.
	Lost
	// Failed means that Redis did not answer, or refused. The refresh is retried while time
	// remains.
	Failed
	// Skipped means that a stop rule held and the key was not refreshed.
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
	// Live means that the task has not ended.
	Live Reason = iota
	// ReasonDone means that the channel of a stop rule WhenDone was closed.
	ReasonDone
	// ReasonDeadline means that the time of a stop rule At or After was reached.
	ReasonDeadline
	// ReasonCount means that the number of renewals of a stop rule Times was reached.
	ReasonCount
	// ReasonKeyGone means that the key is missing and the policy has the stop rule KeyGone.
	ReasonKeyGone
	// ReasonRule means that the function of a stop rule If returned true.
	ReasonRule
	// ReasonLost means that a key was lost; with DropKey, the last key.
	ReasonLost
	// ReasonCanceled means that the host canceled the task.
	ReasonCanceled
	// ReasonShutdown means that the service was stopped.
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

// Event is the outcome of one tick for one key. Callbacks get it.
type Event struct {
	ID      string
	Labels  map[string]string // of the policy; must not be modified
	Key     string            // empty if a function or selector failed
	Outcome Outcome
	Err     error         // of Lost and Failed
	Left    time.Duration // time until the local deadline; 0 if it has passed or is not known
	At      time.Time
}

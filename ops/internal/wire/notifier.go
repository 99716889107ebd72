package wire

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Notifier is how a notifier does, over all processes.
type Notifier struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
	// Unread is the number of plans whose events were not all sent, or that are not at rest; Lag is
	// how many events of the first 100 of them were not sent.
	Unread int   `json:"unread"`
	Lag    int64 `json:"lag"`
	// FailingSince is when sending began to fail, null if the last message was sent.
	FailingSince *Time  `json:"failingSince,omitempty"`
	LastError    string `json:"lastError,omitempty"`
	LastErrorAt  *Time  `json:"lastErrorAt,omitempty"`
	DeliveredAt  *Time  `json:"deliveredAt,omitempty"`
	DeadLetters  int    `json:"deadLetters"`
	// Dropped is how many dead letters had to make room.
	Dropped int `json:"dropped"`
	// Actions are notify, or none.
	Actions []string `json:"actions"`
}

// NotifierOf returns the document of a subscription.
func NotifierOf(s store.Subscription, lag int64, actions []string) Notifier {
	return Notifier{
		Name: s.Name, Ready: s.Status.Ready, Unread: s.Unread, Lag: lag, FailingSince: optional(s.Status.FailingSince),
		LastError: s.Status.Error, LastErrorAt: optional(s.Status.ErrorAt), DeliveredAt: optional(s.Status.DeliveredAt),
		DeadLetters: s.DeadLetters, Dropped: s.Dropped, Actions: actions,
	}
}

// optional returns nil for the zero time.
func optional(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// DeadLetter is what could not be sent.
type DeadLetter struct {
	ID     string  `json:"id"`
	PlanID plan.ID `json:"planId"`
	First  int64   `json:"first"`
	Last   int64   `json:"last"`
	At     Time    `json:"at"`
	Reason string  `json:"reason"`
}

// DeadLetterOf returns the document of a dead letter.
func DeadLetterOf(d store.DeadLetter) DeadLetter {
	return DeadLetter{ID: d.ID, PlanID: d.Plan, First: d.First, Last: d.Last, At: Time{d.At}, Reason: d.Reason}
}

// RedeliverCommand sends dead letters again.
type RedeliverCommand struct {
	Reason string `json:"reason"`
	// IDs are the letters; without them all are sent, the oldest first.
	IDs []string `json:"ids"`
}

// Why returns the reason.
func (c *RedeliverCommand) Why() string { return c.Reason }

// Sent is the answer to a command that sends messages.
type Sent struct {
	// Sent is how many messages were sent.
	Sent int `json:"sent"`
	// Error is why no more were sent, empty if nothing failed.
	Error string `json:"error,omitempty"`
	// Left is how many dead letters are left.
	Left int `json:"left"`
}

package notify

import (
	"time"

	"github.com/cutover-go/cutover/plan"
)

// Kind says what a message is about. Filters name kinds, too.
type Kind string

// The kinds.
const (
	// KindPlan: one event of the plan itself, a command or a transition.
	KindPlan Kind = "plan"
	// KindFailures: tasks became FAILED or ROLLBACK_FAILED, one or several of one plan.
	KindFailures Kind = "failures"
	// KindTask: one other event of a task.
	KindTask Kind = "task"
	// KindOvertaken: events were dropped from the log before they were read, or the store has gone
	// back in time. The message has what is known of the plan now.
	KindOvertaken Kind = "overtaken"
	// KindTest: somebody tests the sink.
	KindTest Kind = "test"
)

// Severity says how much a message matters.
type Severity int

// The severities, in rising order.
const (
	// Info: something goes as it was asked for.
	Info Severity = iota
	// Warning: a person stopped or undoes something, or is waited for.
	Warning
	// Error: a task or a plan failed.
	Error
)

// String returns the severity's name in lower case.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return "unknown"
}

// MarshalText returns the severity's name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Message is what a sink sends. Fields that do not apply are zero, and left out of the JSON.
type Message struct {
	// ID is the same whenever the message is sent again.
	ID string `json:"id"`
	// Notifier is the notifier's name.
	Notifier string   `json:"notifier"`
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	// At is the time of the last event.
	At time.Time `json:"at"`
	// Title is one line, Text some more, in the notifier's language. Link leads to the plan in the
	// console, if the notifier has a BaseURL.
	Title string `json:"title"`
	Text  string `json:"text,omitempty"`
	Link  string `json:"link,omitempty"`

	Plan     plan.ID `json:"planId,omitempty"`
	PlanName string  `json:"planName,omitempty"`
	// First and Last are the sequence numbers of the first and the last event that the message
	// reports.
	First int64 `json:"first,omitempty"`
	Last  int64 `json:"last,omitempty"`
	// Event is the event of a message about one.
	Event *Event `json:"event,omitempty"`
	// Failures is how many failures the message reports, by their Causes, the most frequent first.
	// Beyond ten causes, Others counts the rest.
	Failures int     `json:"failures,omitempty"`
	Causes   []Cause `json:"causes,omitempty"`
	Others   int     `json:"others,omitempty"`
	// State, Counters, Events and Lost go with KindOvertaken: the plan as it is now, its numbers of
	// tasks by state, what the plan itself did meanwhile, at most the last 100 events, and how many
	// events are missing beside them.
	State    string         `json:"state,omitempty"`
	Counters map[string]int `json:"counters,omitempty"`
	Events   []*Event       `json:"events,omitempty"`
	Lost     int64          `json:"lost,omitempty"`
}

// Event is the event of a message. The fields are those of plan.Event.
type Event struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Cause   string    `json:"cause"`
	From    string    `json:"from,omitempty"`
	To      string    `json:"to"`
	TaskID  int64     `json:"taskId,omitempty"`
	Tenant  string    `json:"tenantId,omitempty"`
	Attempt int       `json:"attempt,omitempty"`
	Wave    int       `json:"wave,omitempty"`
	Added   int       `json:"added,omitempty"`
	Actor   string    `json:"actor,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	AtRest  bool      `json:"atRest,omitempty"`
}

// Cause is a group of failures with one code at one step.
type Cause struct {
	Code  string `json:"errorCode"`
	Step  string `json:"step,omitempty"`
	Count int    `json:"count"`
	// Reason is that of the first of them, Tenants are the first three tenants.
	Reason  string   `json:"reason,omitempty"`
	Tenants []string `json:"tenantIds"`
}

// eventOf returns the event of a message.
func eventOf(e plan.Event) *Event {
	return &Event{
		Seq: e.Seq, At: e.At.UTC(), Cause: e.Cause, From: e.From, To: e.To, TaskID: int64(e.Task), Tenant: e.Tenant, Attempt: e.Attempt,
		Wave: e.Wave, Added: e.Added, Actor: e.Actor, Reason: e.Reason, AtRest: e.AtRest,
	}
}

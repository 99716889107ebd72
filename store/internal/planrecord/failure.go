package planrecord

import (
	"encoding/json"
	"time"

	"github.com/cutover-go/cutover/task"
)

// Failure is the stored form of a failure.
type Failure struct {
	Reason    string    `json:"reason"`
	ErrorCode string    `json:"errorCode"`
	Timestamp time.Time `json:"timestamp"`
	Step      string    `json:"step,omitempty"`
	Attempt   int       `json:"attempt,omitempty"`
	Retryable bool      `json:"retryable,omitempty"`
}

// MarshalFailure returns f as JSON.
func MarshalFailure(c *task.FailureInfo) []byte {
	text, err := json.Marshal(Failure{c.Reason, c.ErrorCode, c.Timestamp.UTC(), c.Step, c.Attempt, c.Retryable})
	if err != nil { // a time that JSON cannot express, from the year 10000 on
		text, _ = json.Marshal(Failure{Reason: c.Reason, ErrorCode: c.ErrorCode, Step: c.Step, Attempt: c.Attempt, Retryable: c.Retryable})
	}
	return text
}

// Info returns the failure.
func (f *Failure) Info() *task.FailureInfo {
	return &task.FailureInfo{
		Reason: f.Reason, ErrorCode: f.ErrorCode, Timestamp: f.Timestamp,
		Step: f.Step, Attempt: f.Attempt, Retryable: f.Retryable,
	}
}

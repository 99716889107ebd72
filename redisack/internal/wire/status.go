package wire

import (
	"encoding/json"
	"errors"
	"time"
)

// State says how far a client has got with one write.
type State string

// The states of the attempted slot.
const (
	StateApplying State = "applying" // the client's own code is applying it
	StateApplied  State = "applied"  // that code has returned without error: the configuration is live
	StateRejected State = "rejected" // the client has refused it; this process will not try this revision again
	StateFailed   State = "failed"   // it failed for a temporary cause; the client tries again
)

// Status is the body of a client's status endpoint: what it runs, and what it last tried.
type Status struct {
	Instance  string `json:"instance"`
	Boot      string `json:"boot,omitempty"`
	Applied   *Slot  `json:"applied,omitempty"`
	Attempted *Slot  `json:"attempted,omitempty"`
}

// Slot is one write as a client sees it. State and Error belong to the attempted slot.
type Slot struct {
	Rev     Rev       `json:"rev"`
	Version string    `json:"version"`
	WriteID string    `json:"wid,omitempty"`
	Sum     string    `json:"sum,omitempty"`
	State   State     `json:"state,omitempty"`
	Error   string    `json:"error,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// errNoSlot means that the body is JSON but not a status.
var errNoSlot = errors.New("status names neither an applied nor an attempted write")

// ParseStatus reads a status body.
func ParseStatus(body []byte) (Status, error) {
	var s Status
	if err := json.Unmarshal(body, &s); err != nil {
		return Status{}, err
	}
	if s.Applied == nil && s.Attempted == nil && s.Instance == "" {
		return Status{}, errNoSlot
	}
	return s, nil
}

package planrecord

import (
	"encoding/json"

	"github.com/cutover-go/cutover/plan"
)

// Detail has the values that few events have.
type Detail struct {
	Actor   string   `json:"actor,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Filter  string   `json:"filter,omitempty"`
	Wave    int      `json:"wave,omitempty"`
	Added   int      `json:"added,omitempty"`
	Alone   bool     `json:"stayStopped,omitempty"`
	Failure *Failure `json:"failure,omitempty"`
}

// DetailOf returns the detail of an event; any is false if the event has none.
func DetailOf(e *plan.Event) (d Detail, any bool) {
	d = Detail{Actor: e.Actor, Reason: e.Reason, Filter: e.Filter, Wave: e.Wave, Added: e.Added, Alone: e.StayStopped}
	if e.Failure != nil {
		d.Failure = new(Failure)
		if c := e.Failure.Clip(); json.Unmarshal(MarshalFailure(&c), d.Failure) != nil {
			d.Failure = nil
		}
	}
	return d, d != (Detail{})
}

// Fill copies d into e.
func (d *Detail) Fill(e *plan.Event) {
	e.Actor, e.Reason, e.Filter, e.Wave, e.Added = d.Actor, d.Reason, d.Filter, d.Wave, d.Added
	e.StayStopped = d.Alone
	if d.Failure != nil {
		e.Failure = d.Failure.Info()
	}
}

package plan_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/cutover-go/cutover/plan"
)

// In every state a note is an event, and the plan stays as it is.
func TestNoteLeavesThePlanAsItIs(t *testing.T) {
	t.Parallel()
	for s := range plan.NumStates {
		p := waved(1, 2, 4)
		p.State = plan.State(s)
		settled := p.Settle(ann().Now)
		by := ann()
		by.Reason = "the gateway of acme is slow, ask Bob"
		d, err := plan.Note(p, by)
		if err != nil || d.Unchanged || !d.Changed || len(d.Edits) != len(settled.Edits) || !reflect.DeepEqual(d.Plan, settled.Plan) {
			t.Errorf("%s: %+v, %v", p.State, d, err)
			continue
		}
		want := plan.Event{
			Plan: p.ID, Cause: "note", From: settled.Plan.State.String(), To: settled.Plan.State.String(), Actor: by.Actor, Reason: by.Reason,
		}
		if n := len(settled.Events); len(d.Events) != n+1 || !reflect.DeepEqual(d.Events[n], want) {
			t.Errorf("%s: events %+v", p.State, d.Events)
		}
	}
}

// A note that says nothing is refused.
func TestNoteWithoutAReason(t *testing.T) {
	t.Parallel()
	p, by := waved(1, 2, 4), ann()
	by.Reason = ""
	if d, err := plan.Note(p, by); !errors.Is(err, plan.ErrInvalid) || len(d.Events) > 0 {
		t.Errorf("%+v, %v", d.Events, err)
	}
}

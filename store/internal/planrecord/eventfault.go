package planrecord

import (
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// EventFault says what makes no sense in an event that was read, about the task with that ordinal
// or, if it is 0, about the plan. It returns "" for a sound one.
func EventFault(e *plan.Event, ordinal int) string {
	known := func(state string) bool { _, err := plan.ParseState(state); return err == nil || state == "" }
	if ordinal != 0 {
		known = func(state string) bool { _, err := task.ParseState(state); return err == nil }
	}
	switch {
	case ordinal < 0 || e.Attempt < 0:
		return "ordinal or attempt is negative"
	case e.Cause == "" || e.To == "" || !known(e.From) || !known(e.To):
		return fmt.Sprintf("no step leads from %q by %q to %q", e.From, e.Cause, e.To)
	}
	return ""
}

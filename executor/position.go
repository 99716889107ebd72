package executor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/checkpoint"
)

// position is the part of a checkpoint's data that [Steps] itself reads. The members of the state
// are in the same JSON object.
type position struct {
	Completed []string `json:"completedSteps"`
	Undone    []string `json:"undoneSteps,omitempty"`
	Failed    string   `json:"failedStep,omitempty"`
}

// memberBefore marks an undo entry that [Steps] recorded; its value is the name of the step. The
// other members of the entry are the state just before that step.
const memberBefore = "beforeStep"

// reservedMembers returns the names of members that no state may have.
func reservedMembers() []string {
	return []string{"completedSteps", "undoneSteps", "failedStep", memberBefore}
}

// isReserved reports whether name is reserved. It ignores case, as encoding/json does when it
// matches members.
func isReserved(name string) bool {
	return slices.ContainsFunc(reservedMembers(), func(r string) bool { return strings.EqualFold(r, name) })
}

// restore returns a walk that continues from the run's checkpoint.
func (x *Steps[S]) restore(run *Run) (*walk[S], error) {
	w := &walk[S]{Steps: x, run: run, position: position{Completed: []string{}}, state: kept[S]{raw: json.RawMessage(emptyState)}}
	var data json.RawMessage
	step, ok, err := run.Restore(&data)
	if ok && err == nil {
		w.position, w.state, err = parse[S](data)
	}
	if err == nil {
		w.begun, err = begunSteps(run.UndoLog())
	}
	if err == nil {
		err = w.unknown()
	}
	if err != nil {
		return nil, &Error{Code: CodeCheckpointInvalid, Step: step, Err: err}
	}
	return w, nil
}

// unknown returns an error if another version has begun the task with steps that this version does
// not have: ignoring them would leave their effects in place.
func (w *walk[S]) unknown() error {
	var changed StepsChangedError
	for _, name := range slices.Concat(w.Completed, w.Undone, w.begun) {
		if w.find(name) == nil && !slices.Contains(changed.Unknown, name) {
			changed.Unknown = append(changed.Unknown, name)
		}
	}
	return changed.orNil()
}

// parse decodes what join has encoded. It drops the failed step.
func parse[S any](data json.RawMessage) (p position, state kept[S], err error) {
	if err = json.Unmarshal(data, &p); err != nil || p.Completed == nil {
		return position{}, state, fmt.Errorf("%w: not saved by steps", checkpoint.ErrCorrupt)
	}
	p.Failed = ""
	state, err = keep[S](data)
	return p, state, err
}

// join returns one object with the members of p and of the state.
func (p position) join(state json.RawMessage) (json.RawMessage, error) {
	head, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return joinObjects(head, state), nil
}

// undoEntry returns the undo entry of step: its name and the members of the state before it.
func undoEntry(step string, state json.RawMessage) (json.RawMessage, error) {
	head, err := json.Marshal(map[string]string{memberBefore: step})
	if err != nil {
		return nil, err
	}
	return joinObjects(head, state), nil
}

// begunSteps returns the steps with an undo entry, in the order in which they were first begun. It
// skips the entries that a Do recorded under other names.
func begunSteps(log checkpoint.UndoLog) ([]string, error) {
	var begun []string
	for _, u := range log {
		if before, ok := stepBefore(u.Data); ok {
			if before != u.Step {
				return nil, fmt.Errorf("%w: the undo entry of step %q is that of step %q", checkpoint.ErrCorrupt, u.Step, before)
			}
			begun = append(begun, u.Step)
		}
	}
	return begun, nil
}

// stepBefore returns the step named in an undo entry that [Steps] recorded, and false for any other
// entry.
func stepBefore(data json.RawMessage) (string, bool) {
	var entry struct {
		Before *string `json:"beforeStep"`
	}
	if json.Unmarshal(data, &entry) != nil || entry.Before == nil {
		return "", false
	}
	return *entry.Before, true
}

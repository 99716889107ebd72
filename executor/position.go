package executor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/checkpoint"
)

// position is the part of a checkpoint's data that [Steps] itself reads. The
// state's members stand beside its own.
type position struct {
	Completed []string `json:"completedSteps"`
	Undone    []string `json:"undoneSteps,omitempty"`
	Failed    string   `json:"failedStep,omitempty"`
}

// memberBefore marks an undo entry that [Steps] recorded: it names the step. The
// other members of the entry are those of the state just before that step.
const memberBefore = "beforeStep"

// reservedMembers are the members that no state may have.
func reservedMembers() []string {
	return []string{"completedSteps", "undoneSteps", "failedStep", memberBefore}
}

// isReserved ignores case, as encoding/json does when it matches members.
func isReserved(name string) bool {
	return slices.ContainsFunc(reservedMembers(), func(r string) bool { return strings.EqualFold(r, name) })
}

// restore returns a walk that goes on from the run's checkpoint.
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

// unknown refuses a task that another version has begun, with steps that this one
// does not have: to go on as if they had never been would leave their effects.
func (w *walk[S]) unknown() error {
	var changed StepsChangedError
	for _, name := range slices.Concat(w.Completed, w.Undone, w.begun) {
		if w.find(name) == nil && !slices.Contains(changed.Unknown, name) {
			changed.Unknown = append(changed.Unknown, name)
		}
	}
	return changed.orNil()
}

// parse reads what join has written.
func parse[S any](data json.RawMessage) (p position, state kept[S], err error) {
	if err = json.Unmarshal(data, &p); err != nil || p.Completed == nil {
		return position{}, state, fmt.Errorf("%w: not saved by steps", checkpoint.ErrCorrupt)
	}
	p.Failed = ""
	state, err = keep[S](data)
	return p, state, err
}

// join returns p's members and the state's as one object.
func (p position) join(state json.RawMessage) (json.RawMessage, error) {
	head, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return joinObjects(head, state), nil
}

// undoEntry returns what is recorded before step: its name and the state's members.
func undoEntry(step string, state json.RawMessage) (json.RawMessage, error) {
	head, err := json.Marshal(map[string]string{memberBefore: step})
	if err != nil {
		return nil, err
	}
	return joinObjects(head, state), nil
}

// begunSteps returns the steps that have recorded an undo entry, in the order in
// which they were begun. What a Do records under a name of its own is none of them.
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

// stepBefore returns the step before which steps have recorded an undo entry, and
// false for an entry that somebody else recorded.
func stepBefore(data json.RawMessage) (string, bool) {
	var entry struct {
		Before *string `json:"beforeStep"`
	}
	if json.Unmarshal(data, &entry) != nil || entry.Before == nil {
		return "", false
	}
	return *entry.Before, true
}

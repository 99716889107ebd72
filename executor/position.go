package executor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/checkpoint"
)

// position is the part of a checkpoint's data that [Steps] itself reads. The
// state's fields stand beside its own.
type position struct {
	Completed []string `json:"completedSteps"`
	Undone    []string `json:"undoneSteps,omitempty"`
	Failed    string   `json:"failedStep,omitempty"`
}

// emptyState is the zero state.
const emptyState = "{}"

// restore returns a walk that goes on from the run's checkpoint.
func (x *Steps[S]) restore(run *Run) (*walk[S], error) {
	w := &walk[S]{Steps: x, run: run, position: position{Completed: []string{}}, state: json.RawMessage(emptyState)}
	var data json.RawMessage
	step, ok, err := run.Restore(&data)
	if ok && err == nil {
		w.position, w.state, err = parse[S](data)
	}
	if err == nil {
		err = x.known(w.position)
	}
	if err != nil {
		return nil, &Error{Code: CodeCheckpointInvalid, Step: step, Err: err}
	}
	return w, nil
}

// known refuses the checkpoint of a version that had other steps: to go on as if
// they had never been would leave their effects.
func (x *Steps[S]) known(p position) error {
	for _, name := range slices.Concat(p.Completed, p.Undone) {
		if !slices.ContainsFunc(x.steps, func(s Step[S]) bool { return s.Name == name }) {
			return fmt.Errorf("%w: step %q is done, and there is no such step any more", checkpoint.ErrVersion, name)
		}
	}
	return nil
}

// parse reads what join has written.
func parse[S any](data json.RawMessage) (p position, state json.RawMessage, err error) {
	if err = json.Unmarshal(data, &p); err != nil || p.Completed == nil {
		return position{}, nil, fmt.Errorf("%w: not saved by steps", checkpoint.ErrCorrupt)
	}
	p.Failed = ""
	s, err := decodeState[S](data)
	if err != nil {
		return position{}, nil, err
	}
	state, err = encodeState(s)
	return p, state, err
}

// join returns p's fields and the state's as one object.
func (p position) join(state json.RawMessage) (json.RawMessage, error) {
	head, err := json.Marshal(p)
	if err != nil || string(state) == emptyState {
		return head, err
	}
	head[len(head)-1] = ','
	return append(head, state[1:]...), nil
}

func decodeState[S any](data json.RawMessage) (S, error) {
	var s S
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%w: the steps' state: %w", checkpoint.ErrCorrupt, err)
	}
	return s, nil
}

func encodeState[S any](s S) (json.RawMessage, error) {
	data, err := json.Marshal(s)
	if err == nil && !bytes.HasPrefix(data, []byte{'{'}) {
		err = errors.New("it is no JSON object")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the steps' state: %w", checkpoint.ErrInvalid, err)
	}
	return data, nil
}

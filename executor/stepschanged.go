package executor

import (
	"errors"
	"fmt"
	"strings"
)

// ErrStepsChanged is matched by every [*StepsChangedError].
var ErrStepsChanged = errors.New("executor: another version of the steps has begun this task")

// StepsChangedError is the error with which [Steps] refuse a task that another version of the steps
// has begun: this version cannot continue or undo what the other one did. Nothing has been done or
// saved; the version that has the steps can still continue. The failure has the code
// CHECKPOINT_INVALID. The error matches [ErrStepsChanged].
type StepsChangedError struct {
	// Unknown are the steps that were done or begun and that this version does not have.
	Unknown []string
	// NoUndo are the steps to undo that have no Undo in this version.
	NoUndo []string
}

func (e *StepsChangedError) Error() string {
	var parts []string
	if len(e.Unknown) > 0 {
		parts = append(parts, fmt.Sprintf("it has done or begun %s, unknown here", quoted(e.Unknown)))
	}
	if len(e.NoUndo) > 0 {
		parts = append(parts, fmt.Sprintf("it has done or begun %s, without an Undo here", quoted(e.NoUndo)))
	}
	return ErrStepsChanged.Error() + ": " + strings.Join(parts, "; ")
}

// Is reports whether target is [ErrStepsChanged].
func (e *StepsChangedError) Is(target error) bool { return target == ErrStepsChanged }

// orNil returns e, or nil if it names nothing.
func (e *StepsChangedError) orNil() error {
	if len(e.Unknown)+len(e.NoUndo) == 0 {
		return nil
	}
	return e
}

func quoted(names []string) string {
	q := make([]string, len(names))
	for i, name := range names {
		q[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(q, ", ")
}

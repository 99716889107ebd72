package checkpoint

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Limits bound what one task may store. A field of 0 or less means its default.
type Limits struct {
	// Data is the maximum number of bytes of checkpoint data. Default 64 KiB. A higher limit costs
	// the store more: every save writes all of the data again.
	Data int
	// Undo is the maximum number of bytes of one undo entry. Default 4 KiB. Entries are kept until
	// the plan is removed or a rollback of the task is finished.
	Undo int
}

// Defaults of [Limits] and the fixed bounds.
const (
	DefaultDataLimit = 64 << 10
	DefaultUndoLimit = 4 << 10

	// MaxLimit is the maximum value of a limit: checkpoints are for what a task has to remember,
	// and every save writes all of it.
	MaxLimit = 16 << 20
	// MaxStepName is the maximum length of a step name in bytes.
	MaxStepName = 128
	// MaxUndoEntries is the maximum number of entries of one task's undo log.
	MaxUndoEntries = 256
)

// WithDefaults returns l with the defaults in the fields that are 0 or less.
func (l Limits) WithDefaults() Limits {
	if l.Data <= 0 {
		l.Data = DefaultDataLimit
	}
	if l.Undo <= 0 {
		l.Undo = DefaultUndoLimit
	}
	return l
}

// Check returns nil if c may be saved under l, otherwise an error that matches [ErrInvalid] or
// [ErrTooLarge].
func (l Limits) Check(c Checkpoint) error {
	return check("checkpoint", c.Step, c.Data, l.WithDefaults().Data)
}

// CheckUndo returns nil if u may be recorded under l, otherwise an error that matches [ErrInvalid]
// or [ErrTooLarge].
func (l Limits) CheckUndo(u Undo) error {
	return check("undo entry", u.Step, u.Data, l.WithDefaults().Undo)
}

func check(what, step string, data json.RawMessage, limit int) error {
	switch {
	case step == "":
		return fmt.Errorf("%w: the %s names no step", ErrInvalid, what)
	case len(step) > MaxStepName:
		return &TooLargeError{What: "step name", Step: step[:16] + "...", Size: len(step), Limit: MaxStepName}
	case !utf8.ValidString(step):
		return fmt.Errorf("%w: step name %q is not UTF-8", ErrInvalid, step)
	case len(data) > limit:
		return &TooLargeError{What: what, Step: step, Size: len(data), Limit: limit}
	case !isJSON(data):
		return fmt.Errorf("%w: the data of step %q is not JSON", ErrInvalid, step)
	}
	return nil
}

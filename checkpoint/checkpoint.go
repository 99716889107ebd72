package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Checkpoint is the saved state from which a task goes on.
type Checkpoint struct {
	// Step names the last completed step, in the executor's own words.
	Step string
	// Data is the executor's state as JSON. It is never nil in a saved checkpoint: an executor
	// without state saves null.
	Data json.RawMessage
}

func (c Checkpoint) String() string { return c.Step + " " + string(c.Data) }

// Undo is one entry of an undo log: what the executor needs to undo a step.
type Undo struct {
	// Step is the step that the entry belongs to.
	Step string
	// Data is what the executor needs to undo the step, as JSON.
	Data json.RawMessage
}

func (u Undo) String() string { return u.Step + " " + string(u.Data) }

// Sentinels to match with errors.Is.
var (
	// ErrTooLarge is matched by every *TooLargeError.
	ErrTooLarge = errors.New("checkpoint: too large")
	// ErrInvalid is the error for a checkpoint or undo entry that cannot be stored as it is.
	ErrInvalid = errors.New("checkpoint: invalid")
	// ErrCorrupt is the error for stored bytes that this package did not write.
	ErrCorrupt = errors.New("checkpoint: corrupt")
	// ErrVersion is the error for stored bytes that a newer library wrote.
	ErrVersion = errors.New("checkpoint: unknown version")
)

// TooLargeError names the part that exceeds its limit. It matches [ErrTooLarge].
type TooLargeError struct {
	// What is "step name", "checkpoint" or "undo entry".
	What string
	// Step is the step that was to be saved, shortened if its name is the part that is too long.
	Step string
	// Size and Limit are in bytes.
	Size, Limit int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("checkpoint: %s of step %q is %d bytes, the limit is %d", e.What, e.Step, e.Size, e.Limit)
}

// Is reports whether target is [ErrTooLarge].
func (e *TooLargeError) Is(target error) bool { return target == ErrTooLarge }

package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Checkpoint is where a task goes on.
type Checkpoint struct {
	// Step names the last thing that is done, in the executor's own words.
	Step string
	// Data is the executor's state as JSON. It is never nil in a saved
	// checkpoint: an executor without state saves null.
	Data json.RawMessage
}

func (c Checkpoint) String() string { return c.Step + " " + string(c.Data) }

// Undo is one entry of an undo log: what has to be known to take back a step.
type Undo struct {
	// Step is the step that the entry belongs to.
	Step string
	// Data is whatever the executor needs to undo the step, as JSON.
	Data json.RawMessage
}

func (u Undo) String() string { return u.Step + " " + string(u.Data) }

// Sentinels to match with errors.Is.
var (
	// ErrTooLarge is matched by every *TooLargeError.
	ErrTooLarge = errors.New("checkpoint: too large")
	// ErrInvalid says that a checkpoint or undo entry cannot be stored as it is.
	ErrInvalid = errors.New("checkpoint: invalid")
	// ErrCorrupt says that stored bytes are not what this package wrote.
	ErrCorrupt = errors.New("checkpoint: corrupt")
	// ErrVersion says that stored bytes were written by a newer library.
	ErrVersion = errors.New("checkpoint: unknown version")
)

// TooLargeError tells which part exceeded its limit. It matches [ErrTooLarge].
type TooLargeError struct {
	// What is "step name", "checkpoint" or "undo entry".
	What string
	// Step is the step that was to be saved, shortened if it is the fault.
	Step string
	// Size and Limit are in bytes.
	Size, Limit int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("checkpoint: %s of step %q is %d bytes, the limit is %d", e.What, e.Step, e.Size, e.Limit)
}

// Is reports whether target is [ErrTooLarge].
func (e *TooLargeError) Is(target error) bool { return target == ErrTooLarge }

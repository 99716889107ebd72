package plan

import (
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/internal/textform"
	"github.com/cutover-go/cutover/task"
)

// The text forms of the types whose values are words. MarshalText writes what String does and fails
// for a value that does not exist; UnmarshalText and the parse functions read exactly that. Ids
// have no such methods, because in JSON they are numbers.

// TextError is the error of a text that cannot be read, and of a value that has no text. It names
// the texts that are allowed, and matches [ErrText].
type TextError = textform.Error

// ErrText is matched by every [*TextError].
var ErrText = textform.ErrText

// ParseID reads an id. It accepts only what String writes. The error is a [*TextError].
func ParseID(s string) (ID, error) { return task.ParsePlanID(s) }

// MarshalText writes the state as String does.
func (s State) MarshalText() ([]byte, error) {
	return textform.Marshal(kindState, stateNames[:], s)
}

// UnmarshalText is [ParseState].
func (s *State) UnmarshalText(text []byte) error { return textform.Unmarshal(s, text, ParseState) }

// MarshalText writes the cause as String does.
func (c Cause) MarshalText() ([]byte, error) {
	return textform.Marshal(kindCause, causeNames[:], c)
}

// UnmarshalText is [ParseCause].
func (c *Cause) UnmarshalText(text []byte) error { return textform.Unmarshal(c, text, ParseCause) }

// ParseCause reads a cause as String writes it. The error is a [*TextError].
func ParseCause(name string) (Cause, error) {
	return textform.Parse[Cause](kindCause, causeNames[:], name)
}

func (g Gate) String() string {
	if int(g) < NumGates {
		return gateNames[g]
	}
	return "Gate(" + strconv.Itoa(int(g)) + ")"
}

// MarshalText writes the gate as String does.
func (g Gate) MarshalText() ([]byte, error) {
	return textform.Marshal(kindGate, gateNames[:], g)
}

// UnmarshalText is [ParseGate].
func (g *Gate) UnmarshalText(text []byte) error { return textform.Unmarshal(g, text, ParseGate) }

// ParseGate reads a gate as String writes it. The error is a [*TextError].
func ParseGate(name string) (Gate, error) {
	return textform.Parse[Gate](kindGate, gateNames[:], name)
}

// MarshalText writes the kind as String does.
func (k SweepKind) MarshalText() ([]byte, error) {
	return textform.Marshal(kindSweep, sweepNames[:], k)
}

// UnmarshalText is [ParseSweepKind].
func (k *SweepKind) UnmarshalText(text []byte) error {
	return textform.Unmarshal(k, text, ParseSweepKind)
}

// ParseSweepKind reads a kind as String writes it. The error is a [*TextError].
func ParseSweepKind(name string) (SweepKind, error) {
	return textform.Parse[SweepKind](kindSweep, sweepNames[:], name)
}

// MarshalText writes the code as String does.
func (c ReasonCode) MarshalText() ([]byte, error) {
	return textform.Marshal(kindReason, reasonNames[:], c)
}

// UnmarshalText is [ParseReasonCode].
func (c *ReasonCode) UnmarshalText(text []byte) error {
	return textform.Unmarshal(c, text, ParseReasonCode)
}

// MarshalText writes the reasons as String does, "" for none.
func (r PauseReasons) MarshalText() ([]byte, error) {
	if known := PauseReasons(1)<<len(pauseNames) - 1; r&^known != 0 {
		return nil, textform.Refuse(kindPause, strconv.Itoa(int(r)), pauseNames[:]...)
	}
	return []byte(r.String()), nil
}

// UnmarshalText is [ParsePauseReasons].
func (r *PauseReasons) UnmarshalText(text []byte) error {
	return textform.Unmarshal(r, text, ParsePauseReasons)
}

// ParsePauseReasons reads reasons as String writes them: in their order, with a comma and a space
// between them, "" for none. The error is a [*TextError].
func ParsePauseReasons(text string) (r PauseReasons, err error) {
	if text == "" {
		return 0, nil
	}
	for _, name := range strings.Split(text, ", ") {
		bit, err := textform.Parse[PauseReasons](kindPause, pauseNames[:], name)
		if err != nil {
			return 0, err
		}
		r |= 1 << bit
	}
	if r.String() != text {
		return 0, textform.Refuse(kindPause, text, r.String())
	}
	return r, nil
}

// What the types are called in a [TextError].
const (
	kindState = "plan state"
	kindCause = "plan cause"
	kindGate  = "gate"
	kindSweep = "kind of sweep"
	kindPause = "reason for a pause"

	kindReason = "reason code"
)

// gateNames, sweepNames and pauseNames are the words of the types without a table of their own.
//
//nolint:gochecknoglobals // constant tables
var (
	gateNames  = [NumGates]string{"none", "baked", "approval"}
	sweepNames = [NumSweepKinds]string{
		"resume", "retry", "cancel", "skip tasks", "pause tasks", "resume tasks", "cancel tasks", "rollback tasks",
	}
	pauseNames = [...]string{"hand", "breach", "rejected"}
)

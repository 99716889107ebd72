package strategy

import (
	"fmt"

	"github.com/cutover-go/cutover/internal/textform"
)

// The text forms of the types whose values are words, and of amounts. MarshalText writes what
// String does and fails for a value that does not exist; UnmarshalText and the parse functions read
// exactly that.

// TextError is the error of a text that cannot be read, and of a value that has no text. It names
// the texts that are allowed. The errors of the text forms match [ErrInvalid], too.
type TextError = textform.Error

// invalid makes an error match ErrInvalid.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}

// MarshalText writes the action as String does.
func (a Action) MarshalText() ([]byte, error) {
	text, err := textform.Marshal(kindAction, actionNames[:], a)
	return text, invalid(err)
}

// UnmarshalText is [ParseAction].
func (a *Action) UnmarshalText(text []byte) error { return textform.Unmarshal(a, text, ParseAction) }

// MarshalText writes the mode as String does.
func (m ConcurrencyMode) MarshalText() ([]byte, error) {
	text, err := textform.Marshal(kindMode, modeNames[:], m)
	return text, invalid(err)
}

// UnmarshalText is [ParseConcurrencyMode].
func (m *ConcurrencyMode) UnmarshalText(text []byte) error {
	return textform.Unmarshal(m, text, ParseConcurrencyMode)
}

// MarshalText writes the amount as String does, "" if it is unset.
func (a Amount) MarshalText() ([]byte, error) {
	if problem := a.fault(); problem != "" {
		return nil, fmt.Errorf("%w: %d %s", ErrInvalid, a.N, problem)
	}
	return []byte(a.String()), nil
}

// UnmarshalText is [ParseAmount], but reads "" as the unset amount.
func (a *Amount) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = Amount{}
		return nil
	}
	return textform.Unmarshal(a, text, ParseAmount)
}

// What the types are called in a [TextError].
const (
	kindAction   = "failure action"
	kindMode     = "concurrency mode"
	kindConflict = "conflict policy"
	kindAmount   = "amount"
)

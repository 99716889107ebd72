// Package textform reads and writes values that have one text each: the states, causes and actions
// of the packages plan, task and strategy.
//
// The words of a type are a table that is indexed by its values, and all text forms of the type
// come from that table.
package textform

import (
	"errors"
	"fmt"
	"strings"
)

// ErrText is matched by every [*Error].
var ErrText = errors.New("unknown text")

// Error is the error of a text that names no value of a type, or of a value that has no text. It
// matches [ErrText].
type Error struct {
	// Type is what the text should have named, for instance "task state".
	Type string
	// Text is what was found, cut to 32 characters.
	Text string
	// Allowed are the allowed texts, or descriptions of them.
	Allowed []string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%q is no %s (%s)", e.Text, e.Type, strings.Join(e.Allowed, ", "))
}

// Is reports whether target is [ErrText].
func (e *Error) Is(target error) bool { return target == ErrText }

// Refuse returns the error of a text.
func Refuse(kind, text string, allowed ...string) *Error {
	return &Error{Type: kind, Text: fmt.Sprintf("%.32s", text), Allowed: allowed}
}

// Parse returns the value whose word is text. kind names the type in the error, an [*Error].
func Parse[T ~uint8](kind string, words []string, text string) (T, error) {
	for i, word := range words {
		if word == text {
			return T(i), nil
		}
	}
	return 0, Refuse(kind, text, words...)
}

// Marshal returns the word of a value.
func Marshal[T ~uint8](kind string, words []string, value T) ([]byte, error) {
	if int(value) >= len(words) {
		return nil, Refuse(kind, fmt.Sprint(uint8(value)), words...)
	}
	return []byte(words[value]), nil
}

// Unmarshal sets to what parse returns, and leaves it as it is if parse fails.
func Unmarshal[T any](to *T, text []byte, parse func(string) (T, error)) error {
	value, err := parse(string(text))
	if err == nil {
		*to = value
	}
	return err
}

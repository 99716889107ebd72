package task

import (
	"strconv"

	"github.com/cutover-go/cutover/internal/textform"
)

// The text forms of the types whose values are words. MarshalText writes what String does and fails
// for a value that does not exist; UnmarshalText and the parse functions read exactly that. Ids
// have no such methods, because in JSON they are numbers.

// TextError is the error of a text that cannot be read, and of a value that has no text. It names
// the texts that are allowed, and matches [ErrText].
type TextError = textform.Error

// ErrText is matched by every [*TextError].
var ErrText = textform.ErrText

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

// MarshalText writes the reason as String does.
func (r WaitReason) MarshalText() ([]byte, error) {
	return textform.Marshal(kindWaitReason, waitNames[:], r)
}

// UnmarshalText is [ParseWaitReason].
func (r *WaitReason) UnmarshalText(text []byte) error {
	return textform.Unmarshal(r, text, ParseWaitReason)
}

// MarshalText writes the request as String does.
func (r Request) MarshalText() ([]byte, error) {
	return textform.Marshal(kindRequest, requestNames[:], r)
}

// UnmarshalText is [ParseRequest].
func (r *Request) UnmarshalText(text []byte) error { return textform.Unmarshal(r, text, ParseRequest) }

// ParseRequest reads a request as String writes it. The error is a [*TextError].
func ParseRequest(name string) (Request, error) {
	return textform.Parse[Request](kindRequest, requestNames[:], name)
}

// MarshalText writes the stop as String does.
func (s Stop) MarshalText() ([]byte, error) {
	return textform.Marshal(kindStop, stopNames[:], s)
}

// UnmarshalText is [ParseStop].
func (s *Stop) UnmarshalText(text []byte) error { return textform.Unmarshal(s, text, ParseStop) }

// ParseStop reads a stop as String writes it. The error is a [*TextError].
func ParseStop(name string) (Stop, error) {
	return textform.Parse[Stop](kindStop, stopNames[:], name)
}

// MarshalText writes the start of a retry as String does.
func (f RetryFrom) MarshalText() ([]byte, error) {
	return textform.Marshal(kindRetryFrom, retryNames[:], f)
}

// UnmarshalText is [ParseRetryFrom].
func (f *RetryFrom) UnmarshalText(text []byte) error {
	return textform.Unmarshal(f, text, ParseRetryFrom)
}

// ParseRetryFrom reads the start of a retry as String writes it. The error is a [*TextError].
func ParseRetryFrom(name string) (RetryFrom, error) {
	return textform.Parse[RetryFrom](kindRetryFrom, retryNames[:], name)
}

// What the types are called in a [TextError].
const (
	kindState      = "task state"
	kindCause      = "task cause"
	kindWaitReason = "reason to wait"
	kindRequest    = "task request"
	kindStop       = "task stop"
	kindRetryFrom  = "retry start"
)

// requestNames, stopNames and retryNames are the words of the types without a table of their own.
//
//nolint:gochecknoglobals // constant tables
var (
	requestNames = [...]string{"none", "pause", "cancel", "exempt", "start"}
	stopNames    = [...]string{"go", "pause", "cancel"}
	retryNames   = [...]string{"from checkpoint", "from scratch"}
)

// parseNumber reads a positive number as it is written without a sign and leading zeros.
func parseNumber(kind, text string, valid func(int64) bool, allowed string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !valid(n) || strconv.FormatInt(n, 10) != text {
		return 0, textform.Refuse(kind, text, allowed)
	}
	return n, nil
}

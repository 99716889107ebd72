package plan

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/cutover-go/cutover/task"
)

// tolerance has failures and how many of them are tolerated: of a wave, from 1, of those that have
// failed alike, or of the plan as a whole.
type tolerance struct {
	wave              int
	alike             *task.FailureInfo // the code and the step that they have in common
	failed, tolerated int
}

// String says how many have failed and how many are tolerated.
func (t tolerance) String() string {
	text := strconv.Itoa(t.failed) + " failed"
	if t.wave > 0 {
		text += fmt.Sprintf(" in wave %d", t.wave)
	}
	if t.alike != nil {
		text += " with " + printable(t.alike.ErrorCode)
		if t.alike.Step != "" {
			text += " in step " + printable(t.alike.Step)
		}
	}
	return fmt.Sprintf("%s, %d tolerated", text, t.tolerated)
}

// printable returns a name as it is or, if it is empty or would not stay one line, quoted. Codes
// and steps may be any text.
func printable(name string) string {
	if name == "" || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return strconv.Quote(name)
	}
	return name
}

package strategy

import (
	"fmt"

	"github.com/cutover-go/cutover/internal/textform"
)

// Conflict decides what becomes of tenants that other plans work on.
type Conflict uint8

// The values.
const (
	// Reject: the start locks all tenants of the plan, or is refused.
	Reject Conflict = iota
	// Wait: the start locks no tenant. A task locks its tenant just before it begins; while another
	// plan works on the tenant the task stays pending and takes no slot, and others begin before
	// it.
	Wait
	// Skip: the start locks the tenants that no other plan works on, and skips the tasks of the
	// others. It is refused if it would skip every task.
	Skip

	numConflicts = int(Skip) + 1
)

//nolint:gochecknoglobals // a constant table
var conflictNames = [numConflicts]string{"Reject", "Wait", "Skip"}

// FinishesStart reports whether engines finish a start that shows no sign of life. They give up
// those of other policies.
func (c Conflict) FinishesStart() bool { return c == Skip }

// String returns the name of the constant.
func (c Conflict) String() string {
	if int(c) < numConflicts {
		return conflictNames[c]
	}
	return fmt.Sprintf("Conflict(%d)", uint8(c))
}

// ParseConflict reads what String writes. The error is a [*TextError] and matches [ErrInvalid].
func ParseConflict(name string) (Conflict, error) {
	c, err := textform.Parse[Conflict](kindConflict, conflictNames[:], name)
	return c, invalid(err)
}

// MarshalText writes the value as String does.
func (c Conflict) MarshalText() ([]byte, error) {
	text, err := textform.Marshal(kindConflict, conflictNames[:], c)
	return text, invalid(err)
}

// UnmarshalText is [ParseConflict].
func (c *Conflict) UnmarshalText(text []byte) error {
	return textform.Unmarshal(c, text, ParseConflict)
}

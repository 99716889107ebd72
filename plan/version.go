package plan

import (
	"errors"
	"fmt"
)

// ErrVersion is matched by every *VersionError.
var ErrVersion = errors.New("plan: the plan has another version")

// VersionError is the error of a command that was given for one version of a plan, which has
// another by now: somebody else gave a command, or the plan took a step. It matches [ErrVersion].
type VersionError struct {
	Plan        ID
	Want, Found uint64
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("plan %s: the command is for version %d, the plan has version %d", e.Plan, e.Want, e.Found)
}

// Is reports whether target is [ErrVersion].
func (e *VersionError) Is(target error) bool { return target == ErrVersion }

// Check returns a *[VersionError] if the command is for another version of the plan.
func (by By) Check(p Plan) error {
	if by.Version != 0 && by.Version != p.Version {
		return &VersionError{Plan: p.ID, Want: by.Version, Found: p.Version}
	}
	return nil
}

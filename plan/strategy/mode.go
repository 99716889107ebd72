package strategy

import (
	"fmt"

	"github.com/cutover-go/cutover/internal/textform"
)

// ConcurrencyMode decides whether failures lower the number of tasks that run at once.
type ConcurrencyMode uint8

// The modes.
const (
	// Soft: MaxConcurrency alone bounds the tasks in flight. If all of them fail, the failures
	// exceed the tolerance by up to MaxConcurrency.
	Soft ConcurrencyMode = iota
	// Strict: a pending task begins only while the tasks in flight and the failed tasks together
	// are no more than the tolerance, so that the failures exceed it by 1 at most. A plan that
	// tolerates no further failure runs one task at a time. A person may bring more tasks back by a
	// retry, or by the resume of tasks that were paused individually.
	Strict

	numModes = int(Strict) + 1
)

//nolint:gochecknoglobals // a constant table
var modeNames = [numModes]string{"Soft", "Strict"}

func (m ConcurrencyMode) String() string {
	if int(m) < numModes {
		return modeNames[m]
	}
	return fmt.Sprintf("ConcurrencyMode(%d)", uint8(m))
}

// ParseConcurrencyMode reads a mode as String writes it. The error is a [*TextError] and matches
// [ErrInvalid].
func ParseConcurrencyMode(name string) (ConcurrencyMode, error) {
	m, err := textform.Parse[ConcurrencyMode](kindMode, modeNames[:], name)
	return m, invalid(err)
}

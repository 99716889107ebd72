package task

import (
	"fmt"
	"time"

	"github.com/cutover-go/cutover/internal/textform"
)

// Wait is why and until when a task is not worked on, although it is in flight. The zero Wait is
// none.
type Wait struct {
	Why WaitReason
	// Until is the time, by the store's clock, before which no worker claims the task.
	Until time.Time
}

// WaitReason is why a task waits.
type WaitReason uint8

// The reasons.
const (
	// NoWait: the task was not deferred.
	NoWait WaitReason = iota
	// WaitHold: the executor asked to be continued later.
	WaitHold
	// WaitBackoff: the last attempt failed, and the next begins after a pause.
	WaitBackoff
	// WaitProving: the executor has finished, and the task counts as completed only after it has
	// stayed good for some time.
	WaitProving
	// WaitPlace: there is no free place in a quota of its plan (strategy.Quota).
	WaitPlace

	numWaitReasons = int(WaitPlace) + 1
)

//nolint:gochecknoglobals // a constant table
var waitNames = [numWaitReasons]string{"none", "hold", "backoff", "proving", "place"}

func (r WaitReason) String() string {
	if int(r) < numWaitReasons {
		return waitNames[r]
	}
	return fmt.Sprintf("WaitReason(%d)", uint8(r))
}

// ParseWaitReason reads a reason as String writes it. The error is a [*TextError].
func ParseWaitReason(name string) (WaitReason, error) {
	return textform.Parse[WaitReason](kindWaitReason, waitNames[:], name)
}

package plan

import (
	"fmt"

	"github.com/cutover-go/cutover/task"
)

// Sweep is a command on many tasks that is under way. One write accepted the command; its tasks are
// edited in bounded batches, which any engine can continue. It comes to each task once, and changes
// those that match when it comes to them.
type Sweep struct {
	Kind SweepKind
	// Filter selects the tasks. The plan's own sweeps have none.
	Filter task.Filter
	// After is the last place that the sweep has passed, see [Sweep.Place], and Last the last
	// ordinal of those that it comes to; 0 means the last of the plan.
	After, Last int
	// From is where the attempts of a retry begin.
	From task.RetryFrom
	// Changed counts the tasks that the sweep has changed, Held those that it left as they were
	// because other plans hold their tenants.
	Changed, Held int
	// Actor and Reason are the command's.
	Actor, Reason string
}

// SweepKind is the kind of a [Sweep].
type SweepKind uint8

// The kinds. Those of commands on the tasks that a filter selects do to each task what the command
// on that one task does.
const (
	// SweepResume is the plan's own: it resumes the tasks that the plan's own pause stopped.
	SweepResume SweepKind = iota
	// SweepRetry retries tasks.
	SweepRetry
	// SweepCancel is the plan's own: it cancels the paused tasks of a plan that was canceled.
	SweepCancel
	// SweepSkipTasks skips tasks.
	SweepSkipTasks
	// SweepPauseTasks pauses tasks.
	SweepPauseTasks
	// SweepResumeTasks resumes tasks.
	SweepResumeTasks
	// SweepCancelTasks cancels tasks.
	SweepCancelTasks
	// SweepRollbackTasks rolls tasks back.
	SweepRollbackTasks

	// NumSweepKinds is the number of kinds.
	NumSweepKinds = int(SweepRollbackTasks) + 1
)

func (k SweepKind) String() string {
	if int(k) < NumSweepKinds {
		return sweepNames[k]
	}
	return fmt.Sprintf("SweepKind(%d)", uint8(k))
}

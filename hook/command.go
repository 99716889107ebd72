package hook

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Command is a command of a caller: a method of the engine that changes something.
type Command struct {
	// Name is the name of the engine's method, for instance Pause or RetryTask. The commands of a
	// selection of tasks are RetryTasks, PauseTasks, ResumeTasks, CancelTasks, SkipTasks and
	// RollbackTasks.
	Name string
	// Plan is 0 in Create and EnsureStarted.
	Plan plan.ID
	// Task is 0 unless the command is about one task.
	Task task.ID
	// Actor is who gives the command, and Reason why, as far as they were given.
	Actor, Reason string
}

// CommandResult is what became of a command.
type CommandResult struct {
	// Plan is the plan as it now is, or as it was when the command was refused; its zero value if
	// it was not read.
	Plan plan.Plan
	// Unchanged reports that the command found everything as it asks, or only looked (a dry run):
	// nothing was changed.
	Unchanged bool
	// Repeated reports that an earlier call with the same command id had carried it out.
	Repeated bool
	// Err is what the caller gets.
	Err error
	// Elapsed is how long the call took.
	Elapsed time.Duration
}

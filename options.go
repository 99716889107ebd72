package cutover

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// CommandOption says of a command who gives it, and why: [By], [Because]. The plan's events
// show both.
type CommandOption func(*plan.By)

// By names who gives the command. At most 256 bytes are kept.
func By(actor string) CommandOption {
	return func(by *plan.By) { by.Actor = task.Cut(actor, maxActor) }
}

// Because says why the command is given. At most task.MaxReason bytes are kept.
func Because(reason string) CommandOption {
	return func(by *plan.By) { by.Reason = task.Cut(reason, task.MaxReason) }
}

const maxActor = 256

// commandBy is who gives a command now.
func commandBy(opts []CommandOption) plan.By {
	by := plan.By{Now: time.Now()}
	for _, opt := range opts {
		opt(&by)
	}
	return by
}

// CreateOption changes how [Engine.Create] goes about it: [ExecutorElsewhere], or a
// [CommandOption].
type CreateOption interface{ applyTo(o *createOptions) }

type createOptions struct {
	by        plan.By
	elsewhere bool
}

func (opt CommandOption) applyTo(o *createOptions) { opt(&o.by) }

// ExecutorElsewhere says that another process has the executor, so that an executor type
// which is unknown here is no fault.
func ExecutorElsewhere() CreateOption { return executorElsewhere{} }

type executorElsewhere struct{}

func (executorElsewhere) applyTo(o *createOptions) { o.elsewhere = true }

func createOptionsOf(opts []CreateOption) (o createOptions) {
	for _, opt := range opts {
		opt.applyTo(&o)
	}
	return o
}

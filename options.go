package cutover

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// CommandOption is an option of a command. [By] and [Because] record who gives the command, and
// why; the events of the command record both, except the event of a creation, which records no
// reason. [IfVersion] makes the command conditional.
type CommandOption func(*plan.By)

// By names who gives the command. At most 256 bytes are kept.
func By(actor string) CommandOption {
	return func(by *plan.By) { by.Actor = task.Cut(actor, maxActor) }
}

// Because says why the command is given. At most task.MaxReason bytes are kept.
func Because(reason string) CommandOption {
	return func(by *plan.By) { by.Reason = task.Cut(reason, task.MaxReason) }
}

// IfVersion carries the command out only if the plan has this version, the Version of a plan that
// was read before. Otherwise the command changes nothing and returns a *plan.VersionError, which
// matches plan.ErrVersion: what the caller has seen is not what is there any more. For a command on
// a task it is the version of the task's plan. A creation ignores it.
func IfVersion(version uint64) CommandOption {
	return func(by *plan.By) { by.Version = version }
}

const maxActor = 256

// commandBy returns who gives the command, and why, with the present time.
func commandBy(opts []CommandOption) plan.By {
	by := plan.By{Now: time.Now()}
	for _, opt := range opts {
		opt(&by)
	}
	return by
}

// CreateOption is an option of [Engine.Create]: [ExecutorElsewhere], or a [CommandOption].
type CreateOption interface{ applyTo(o *createOptions) }

type createOptions struct {
	by        plan.By
	elsewhere bool
}

func (opt CommandOption) applyTo(o *createOptions) { opt(&o.by) }

// ExecutorElsewhere makes [Engine.Create] accept an executor type that this process does not have,
// because another process has the executor.
func ExecutorElsewhere() CreateOption { return executorElsewhere{} }

type executorElsewhere struct{}

func (executorElsewhere) applyTo(o *createOptions) { o.elsewhere = true }

func createOptionsOf(opts []CreateOption) (o createOptions) {
	for _, opt := range opts {
		opt.applyTo(&o)
	}
	return o
}

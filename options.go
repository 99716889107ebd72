package cutover

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// CommandOption is an option of a command. [By] and [Because] record who gives the command, and
// why; the events of the command record both, except the event of a creation, which records no
// reason. [IfVersion] makes the command conditional, [CommandID] makes it repeatable.
type CommandOption func(*command)

// command is who gives a command, why, when, for which version, and under which id.
type command struct {
	plan.By
	id string
}

// By names who gives the command. At most 256 bytes are kept.
func By(actor string) CommandOption {
	return func(c *command) { c.Actor = task.Cut(actor, maxActor) }
}

// Because says why the command is given. At most task.MaxReason bytes are kept.
func Because(reason string) CommandOption {
	return func(c *command) { c.Reason = task.Cut(reason, task.MaxReason) }
}

// IfVersion carries the command out only if the plan has this version, the Version of a plan that
// was read before. Otherwise the command changes nothing and returns a *plan.VersionError, which
// matches plan.ErrVersion: what the caller has seen is not what is there any more. For a command on
// a task it is the version of the task's plan. Version 0, which no plan has, sets no condition. A
// creation ignores the option.
func IfVersion(version uint64) CommandOption {
	return func(c *command) { c.Version = version }
}

// CommandID names the command, so that it can be given again if its answer was lost. If the plan
// remembers the id, the command changes nothing, whatever has happened to the plan since, and its
// result has Repeated set and shows the plan or task as it now is. A plan remembers the ids of its
// last store.KeptCommands changes; a command that left the plan unchanged is not remembered. For a
// command on a task it is the task's plan that remembers the id.
//
// An id has up to store.MaxID bytes; a longer one is refused with store.ErrInvalid. Every command
// needs another id. A creation ignores it: see plan.Spec.IdempotencyKey.
func CommandID(id string) CommandOption {
	return func(c *command) { c.id = id }
}

// RetryOption is an option of [Engine.RetryTask]: [StayStopped] or a [CommandOption].
type RetryOption interface{ applyToRetry(c *command) }

func (opt CommandOption) applyToRetry(c *command) { opt(c) }

// StayStopped makes [Engine.RetryTask] run the task alone: a plan that is FAILED or PAUSED stays
// so, and the task runs nevertheless, until it ends or is stopped itself. Only a pause or cancel of
// the task, a cancel of its plan, and a rollback of its plan or its wave stop it. Its failure
// changes nothing but the task; its success completes a FAILED plan that has nothing else left to
// do. A COMPLETED plan, in which nothing else is left to start, runs again.
func StayStopped() RetryOption { return stayStopped{} }

type stayStopped struct{}

func (stayStopped) applyToRetry(c *command) { c.StayStopped = true }

func retryOf(opts []RetryOption) command {
	c := commandOf(nil)
	for _, opt := range opts {
		opt.applyToRetry(&c)
	}
	return c
}

const maxActor = 256

// commandOf returns the command that is given now with these options.
func commandOf(opts []CommandOption) command {
	c := command{By: plan.By{Now: time.Now()}}
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// CreateOption is an option of [Engine.Create]: [ExecutorElsewhere], [Existed] or a
// [CommandOption].
type CreateOption interface{ applyTo(o *createOptions) }

type createOptions struct {
	command   command
	elsewhere bool
	existed   *bool
	needsKey  bool
}

func (opt CommandOption) applyTo(o *createOptions) { opt(&o.command) }

// ExecutorElsewhere makes [Engine.Create] accept an executor type that this process does not have,
// because another process has the executor.
func ExecutorElsewhere() CreateOption { return executorElsewhere{} }

type executorElsewhere struct{}

func (executorElsewhere) applyTo(o *createOptions) { o.elsewhere = true }

// Existed makes [Engine.Create] set *existed: to true if the plan existed already, because its
// idempotency key was used before, and to false if it was created now. If Create returns an error,
// *existed is false.
func Existed(existed *bool) CreateOption { return existedOption{existed} }

type existedOption struct{ existed *bool }

func (e existedOption) applyTo(o *createOptions) { o.existed = e.existed }

func createOptionsOf(opts []CreateOption) (o createOptions) {
	for _, opt := range opts {
		opt.applyTo(&o)
	}
	return o
}

// TasksOption is an option of a command on the tasks that a filter selects: [DryRun] or a
// [CommandOption].
type TasksOption interface{ applyToTasks(o *tasksOptions) }

type tasksOptions struct {
	command command
	dryRun  bool
}

func (opt CommandOption) applyToTasks(o *tasksOptions) { opt(&o.command) }

// DryRun makes a command on the tasks that a filter selects change nothing: its result says what
// the command would do now, and its error is the one that the command would return.
func DryRun() TasksOption { return dryRun{} }

type dryRun struct{}

func (dryRun) applyToTasks(o *tasksOptions) { o.dryRun = true }

func tasksOptionsOf(opts []TasksOption) tasksOptions {
	o := tasksOptions{command: commandOf(nil)}
	for _, opt := range opts {
		opt.applyToTasks(&o)
	}
	return o
}

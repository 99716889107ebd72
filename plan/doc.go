// Package plan is the data and the rules of a rollout: what a [Plan] is, which [State] it may be
// in, what each command changes in the plan and its tasks, and which step the plan is due to take
// without a command.
//
// # Decisions
//
// Every command is a pure method of [Plan] that returns a [Decision]: the plan and the tasks after
// the change, and the events that record the change. Nothing changes until a store commits the
// decision, under the versions from which it was decided; if something else was committed in
// between, the engine reads and decides again.
//
//	cmd   := p.Pause(by)                 a command on the plan
//	cmd   := p.RetryTask(t, from, by)    a command on one task
//	cmd   := sweep.Queue(p, reach, by)   a command on the tasks that a filter selects
//	due   := p.Settle(now)               the steps due without a command
//
// A command first takes the steps that are due, so that it does not hide a breach that no engine
// has acted on yet.
//
// # Facts and control
//
// [Control] is the part of a plan that decisions change. [Facts] are what the store keeps up to
// date with every commit of a worker: the counters, whether a bound was breached, whether undos are
// left. A change of the facts does not raise the plan's Version.
//
// # Errors
//
//	a plan that cannot be created; tenants,
//	a tuning or a filter with faults       ErrInvalid (*InvalidError names every fault)
//	a command that does not apply          ErrNotApplicable (*StateError has the state found)
//	a command for another version          ErrVersion (*VersionError has both)
//	too many commands on many tasks        ErrSweepsFull (*SweepsFullError has those under way)
//
// The package imports only task, strategy and the schedules of windows, starts no goroutine and
// reads no clock. It does no I/O, except that the first decision of a process on a set of windows
// reads their zones.
package plan

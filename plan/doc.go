// Package plan is a rollout as data and rules: what a [Plan] is, which [State] it
// may be in, what each command makes of it and of its tasks, and which step it
// owes by itself.
//
// # Decisions
//
// Every command is a pure method of [Plan] that returns a [Decision]: the plan
// and the tasks as they are to be, and the events that tell of it. Nothing is
// changed until a store has committed the decision under the versions that it
// was made on; the loser of a race reads again and decides again.
//
//	cmd   := p.Pause(by)                 a person's command
//	cmd   := p.RetryTask(t, true, by)    one on a task
//	owed  := p.Settle(now)               what the plan owes by itself
//
// A command first settles what the plan owes, so that a breach that no engine has
// carried out yet is not lost under it.
//
// # Facts and control
//
// [Control] is what decisions change. [Facts] are what the store keeps up to date
// with every commit of a worker: the counters, whether a bound was breached,
// whether undos are left. They are no part of the control version.
//
// # Errors
//
//	a plan that cannot be created          ErrInvalid (*InvalidError names every fault)
//	a command that does not apply          ErrNotApplicable (*StateError has the state found)
//
// The package imports only task and strategy, does no I/O, starts no goroutine
// and reads no clock.
package plan

// Package task is one tenant's work as data and rules: what a [Task] is, which
// [State] it may be in, which [Cause] moves it where, and what is recorded of a
// failure.
//
// A task belongs to a plan and its [ID] says so. A task in [Running] or
// [RollingBack] is in flight, whether or not a worker holds it: after a retry,
// a resume or the loss of its worker it waits, in its state, to be claimed.
//
// # Who may write
//
// A worker writes under the [Token] it was given when it claimed the task. A
// person's command writes under the task's Version, which every claim, every
// command and every change of state raises and a saved checkpoint does not: so a
// command never makes a worker's save fail, and a save never makes a command
// fail.
//
// The package imports only checkpoint, does no I/O, starts no goroutine and
// reads no clock.
package task

// Package task is the data and the rules of the work on one tenant: what a [Task] is, which [State]
// it may be in, which [Cause] moves it to which state, and what is recorded about a failure.
//
// A task belongs to a plan, and its [ID] contains the plan's. A task in [Running] or [RollingBack]
// is in flight, whether or not a worker holds it: after a retry, a resume or the loss of its worker
// it waits, in that state, to be claimed.
//
// # Who may write
//
// A worker writes under the [Token] that it got when it claimed the task. A command is committed
// under the task's Version, which every claim, every command and every change of state raises. A
// saved checkpoint does not raise it. So a command never makes a worker's save fail, and a save
// never makes a command fail.
//
// The package imports only checkpoint, does no I/O, starts no goroutine and
// reads no clock.
package task

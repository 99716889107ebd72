// Package memstore keeps plans in memory. It is the reference implementation of the contract in
// package store: the first store under the conformance suite, and the store on which tests and
// small tools run an engine. Its content is lost when the process ends.
//
// # Model
//
// Each plan is a [rollout] with its own lock. Every call on a plan is one critical section, so
// every promise about atomic steps holds by construction. A task is a record of 144 bytes in chunks
// that never move; it needs no separate allocation. Data that few tasks have (labels, parameters,
// undo log, failure, wait) is in a separate struct that the record points to. An event is 32 bytes.
//
//	held          tasks that a worker holds                  slice, records know their place
//	running       RUNNING without a worker                   heap by ordinal
//	undoing       ROLLING_BACK without a worker              heap by ordinal, the last first
//	waiting       RUNNING and waiting                        heap by the end of the wait
//	waitingUndos  ROLLING_BACK and waiting                   heap by the end of the wait
//	pending       cursor: no task below it is pending any more
//	undo          cursor of the open undo round
//
// rollout.shift is the only place that moves a task between states and sets.
//
// # Time
//
// The default clock is time.Now, so a store that is made inside a testing/synctest bubble runs on
// the bubble's time. There is no background goroutine: the next call that reads an item notices
// whether it has expired.
//
// # Errors
//
// The errors are those of package store. A store in memory never fails temporarily.
//
// The package imports store and the packages that store imports; it does not know the engine.
package memstore

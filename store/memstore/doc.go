// Package memstore keeps plans in memory. It is the reference for the contract in
// package store: the conformance suite's first subject, and what tests and small
// tools run an engine over. What it holds ends with the process.
//
// # Model
//
// Each plan is a [rollout] behind a lock of its own; every call on a plan is one
// critical section, which makes every promise about atomic steps plain. A task is
// a record of 136 bytes in chunks that never move, without an allocation of its
// own; what few tasks have (labels, parameters, undo log, failure) hangs off it.
// An event is 32 bytes.
//
//	held      tasks that a worker holds                      slice, records know their place
//	running   RUNNING without a worker                       heap by ordinal
//	undoing   ROLLING_BACK without a worker                  heap by ordinal
//	pending   cursor: no task below it is pending any more
//	undo      cursor of the open undo round
//
// rollout.shift is the only place that moves a task between states and sets.
//
// # Time
//
// The clock is time.Now, so that a store made inside a testing/synctest bubble runs
// on the bubble's time. There is no goroutine: what expires is noticed by whoever
// looks.
//
// # Errors
//
// Those of package store. A store in memory has no passing faults.
//
// The package imports store and what that imports, and knows no engine.
package memstore

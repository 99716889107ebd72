// Package memstore keeps plans in memory. It is the reference implementation of the contract in
// package store: the first store under the conformance suite, and the store on which tests and
// small tools run an engine. Its content is lost when the process ends.
//
// # Model
//
// Each plan is a [rollout] with its own lock. Every call on a plan is one critical section, so
// every promise about atomic steps holds by construction. The rules are those of package rules,
// which asks a rollout for tasks. A task is a record of 144 bytes in chunks that never move; it
// needs no separate allocation. Data that few tasks have (labels, parameters, undo log, failure,
// wait) is in a separate struct that the record points to. An event is 32 bytes.
//
//	held     tasks that a worker holds             slice, records know their place
//	loose    RUNNING without a worker              heaps by ordinal
//	         ROLLING_BACK without a worker         heap by ordinal, the last first
//	waiting  RUNNING or ROLLING_BACK, and waiting  heaps by the end of the wait
//	turns    the open undo round of a plan that runs its tasks one by one
//
// rollout.Changed is the only place that moves a task between them.
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

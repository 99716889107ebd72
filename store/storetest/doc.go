// Package storetest is the conformance suite of package store, and tools for tests
// over any store.
//
//	Run        every promise of the contract, one test for each way to break it
//	Model      random operations on the store and on an obviously right model
//	Check      is what a store says of one plan consistent with itself?
//	Faulty     a store with injected faults: lost calls, lost answers, delays, partitions
//
// A store of your own passes with a test like this:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			New: func(t testing.TB) store.Store { return mystore.New() },
//		})
//	}
//
// The tests are named after the promises in the documentation of package store. They
// use a store only through its interface and make their decisions with the pure core
// in package plan, as an engine does. After every test each plan that it made goes
// through [Check].
//
// Where the contract leaves a choice, any choice passes: the order of tasks in flight
// that wait for a worker, and what a repeated claim answers whose tasks are all gone.
//
// # Time
//
// Leases and the like are given [Harness].TTL, and the suite sleeps to let them pass.
// A store that takes its time from package time runs in a bubble (Wrap:
// synctest.Test), where that takes none; one over a real server really waits.
//
// The package imports store and what that imports.
package storetest

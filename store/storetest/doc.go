// Package storetest is the conformance suite of package store, and tools for tests
// over any store.
//
//	Run           every promise of the contract, one test for each way to break it
//	Model         random operations on the store and on an obviously right model
//	Linearizable  what clients see at once they could have seen one after the other
//	Check         checks that the data of one plan in a store is consistent
//	Faulty        a store with injected faults: lost calls, lost answers, delays, partitions
//
// A store of your own passes with a test like this:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			New: func(t testing.TB) store.Store { return mystore.New() },
//		})
//	}
//
// The tests are named after the promises in the documentation of package store. They use a store
// only through its interface and, like an engine, make their decisions with the pure core in
// package plan. After every test, [Check] examines each plan that the test created.
//
// Where the contract leaves a choice, the suite accepts every allowed result: the order of tasks in
// flight that wait for a worker, the order of tasks that are due at the same time, and the answer
// to a repeated claim whose tasks have all been taken away. A case is skipped if the store refuses
// its plan with store.ErrInvalid, because it does not enforce the plan's strategy.
//
// # Time
//
// Leases, creations, cursors and waits that are to expire get [Harness].TTL as their duration, and
// the suite sleeps until they expire. For a store that reads the clock of package time, run the
// suite in a bubble (Wrap: synctest.Test), where sleeping takes no time; with a store over a real
// server the suite really waits.
//
// The package imports store and the packages that store imports. Package enginetest, beside it,
// runs whole engines over a store.
package storetest

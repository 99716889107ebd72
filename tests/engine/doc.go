// Package engine tests whole engines, as a host uses them: over a store in memory, and some over a
// real Redis. The name of a file is the rule that its tests guard; docs/guarantees.md has all rules
// and their tests.
//
// Time passes in bubbles of testing/synctest, so a test may let a lease end or a night pass.
// kit_test.go has what most tests need: plans, engines, processes that a test abandons, stores that
// fail. TestScenarios carries out the transcripts in testdata/scenarios; -update writes them anew.
//
//	go test ./tests/engine
//	go test ./tests/engine -deaf    without the hints of stores, which only save time
package engine

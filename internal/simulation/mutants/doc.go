// Package mutants breaks the engine and the core by hand, one rule at a time, and
// sees that a test notices. A mutant that survives shows a rule that nothing guards.
//
//	go test -tags mutants -timeout 30m ./internal/simulation/mutants
//	go test -tags mutants -run TestMutants/name ./internal/simulation/mutants
//
// Each is made in a copy of the module, so the working tree stays as it is. A mutant
// whose text is not there any more fails too: it is to be written anew.
package mutants

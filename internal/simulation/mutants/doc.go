// Package mutants breaks the engine and the core on purpose, one rule at a time, and checks that a
// test fails. A mutant that survives shows a rule that no test guards.
//
//	go test -tags mutants -timeout 30m ./internal/simulation/mutants
//	go test -tags mutants -run TestMutants/name ./internal/simulation/mutants
//
// Each mutant is made in a copy of the module, so the working tree does not change. A mutant also
// fails if the source that it replaces no longer exists; the mutant must then be rewritten.
package mutants

// Package archtest holds the test of the module's import directions. It has no
// code of its own.
//
// The tables in rules_test.go say which package may import which, which library
// may be used where, and what the pure packages do without. They hold for what a
// host compiles: test files may import what they need. A package or library
// without a line in the tables is a failure, so that each new one is a decision.
package archtest

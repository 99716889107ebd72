// Package archtest holds the tests of the module's architecture: the import directions, the shape
// of the packages, the vocabulary and the width of comments. It has no other code.
//
// The tables in rules_test.go list which package may import which, where each library may be used,
// and which packages are pure. They hold for the code that a host compiles; test files may import
// what they need. A package or library without a line in the tables is a failure, so that each new
// one is a decision.
package archtest

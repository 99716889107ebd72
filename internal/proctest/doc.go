// Package proctest runs server processes for tests: on free loopback ports, with a log that
// failures show, ended with the test that started them. Packages redistest and proxytest build on
// it.
//
// Functions that take a testing.TB end the test with t.Fatal if something goes wrong, so they must
// be called from the test's own goroutine. The package works on Unix systems, and depends on none
// of the module's other packages.
package proctest

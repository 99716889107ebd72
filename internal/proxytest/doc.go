// Package proxytest gives tests a real HAProxy and a real nginx, started as an ordinary user would:
// on free loopback ports, with all files in a temporary directory, ended with the test.
//
// Their configurations are the ones that docs/gateways.md gives, with backends that answer with
// their own colour.
//
// Without the binary on PATH the test is skipped. With CUTOVER_REQUIRE_PROXIES=1 in the environment
// it fails instead, so that continuous integration cannot pass without testing anything. With
// CUTOVER_SKIP_PROXIES=1 it is skipped even if there is one.
//
// Functions that start or control a server end the test with t.Fatal if that fails, so they must be
// called from the test's own goroutine. Of the module the package imports only proctest.
package proxytest

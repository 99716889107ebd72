// Package redistest gives tests a real Redis, and ways to break it.
//
//	Start          one server, which can be killed, restarted and frozen
//	StartCluster   a cluster of masters and replicas
//	StartSentinel  a master, a replica and three sentinels
//	NewProxy       a TCP proxy that cuts, stalls and loses what passes through it
//	Mini           an in-process imitation, for tests that need speed more than fidelity
//
// Servers listen on free loopback ports and keep their files in the test's temporary directory. The
// end of the test that started a server kills its process. The package works on Unix systems.
//
// # When there is no Redis
//
// Without a redis-server on PATH the test is skipped. With CUTOVER_REQUIRE_REDIS=1 in the
// environment it fails instead, so that continuous integration cannot pass without testing
// anything. With CUTOVER_SKIP_REDIS=1 it is skipped even if there is a redis-server.
//
// CUTOVER_REDIS_SERVER=valkey-server runs that binary instead, which then must exist.
//
// # Failures
//
// Functions that start or control a server return no error: a fault ends the test with t.Fatal and
// the tail of the server's log. For that reason they must be called from the test's own goroutine.
// The methods of Proxy may be called from any goroutine.
//
// Of the module the package imports only proctest.
package redistest

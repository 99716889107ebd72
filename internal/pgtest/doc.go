// Package pgtest gives tests a real PostgreSQL, and ways to break it.
//
//	Start         one server, which can be killed, restarted and frozen
//	StartWithLog  one whose write-ahead log is somewhere else
//	Standby       a streaming replica of a server, which can be promoted
//	StartPooler   a PgBouncer in front of a server
//
// Servers listen on free loopback ports and keep their files in a temporary folder. The end of the
// test that started a server kills its processes. PostgreSQL does not run as root: if the tests do,
// the server runs as the user nobody. The package works on Linux, and has no driver: Server.URL is
// for a driver of the caller's.
//
// # When there is no PostgreSQL
//
// The binaries are looked for in the folder that CUTOVER_POSTGRES_BIN names, in those of Debian's
// packages, the newest version first, and on PATH. Without them the test is skipped. With
// CUTOVER_REQUIRE_POSTGRES=1 in the environment it fails instead, so that continuous integration
// cannot pass without testing anything.
//
// Functions that start or control a server end the test with t.Fatal if something goes wrong, so
// they must be called from the test's own goroutine. Of the module the package imports only
// proctest.
package pgtest

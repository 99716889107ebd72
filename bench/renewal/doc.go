// Package bench compares the renewal package with what a user would use instead: time.AfterFunc for
// the timers, a plain pipeline of the Redis client, and a lock library that refreshes each key. The
// floor is the rate of redis-benchmark.
//
// Every benchmark runs its rivals itself and reports ratios:
//
//	cd bench/renewal && GOWORK=off go test -run '^$' -bench . -benchtime 1x -timeout 30m
//
// The benchmarks need redis-server and redis-benchmark on PATH. The module is not part of the
// workspace, so that no other module depends on the lock library.
package bench

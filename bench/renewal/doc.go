// Package bench measures the renewal package beside what a user would take instead:
// time.AfterFunc for the timers, a plain pipeline of the Redis client, redis-benchmark
// as the floor, and a lock library's refresh of each key.
//
// Every benchmark runs its rivals itself and reports ratios:
//
//	cd bench/renewal && GOWORK=off go test -run '^$' -bench . -benchtime 1x -timeout 30m
//
// It needs redis-server and redis-benchmark on PATH. The module is no part of the
// workspace, so that the lock library reaches nobody else.
package bench

// Package simulation tests whole engines over random histories.
//
// A history has a few processes, each an engine over its own view of one store in
// memory; a view loses calls and answers, delays them, repeats them late, stops for
// longer than a lease and goes on, or refuses everything for ever, as a crash does.
// Plans with overlapping tenants run on executors that save, fail, panic, ignore what
// they are told, and linger, while people give commands that may or may not make
// sense. Time is a bubble's (testing/synctest): a history of minutes takes
// milliseconds.
//
//	draw      the script of a history, from its seed alone
//	process   an engine, its view, and what can happen to both
//	view      the faults between an engine and the store
//	audit     what the store really did, compared with what it may do
//	actor     executors and the ledger of what they work on at the same time
//	settle    faults end, people let everything go on, and it has to come to rest
//	check     replays every plan's events and compares
//
// # Seeds
//
// A script follows from its seed, and so does what a view does to its n-th call. The
// order of goroutines that are due at the same instant, and the engine's own jitter,
// do not: a seed that failed fails again within a few tries.
//
//	go test ./internal/simulation                              the usual histories
//	go test ./internal/simulation -seed 1234 -count 20         one history, many times
//	go test ./internal/simulation -histories 100000 -timeout 2h
//
// A history that fails prints its seed and everything that happened in it.
package simulation
